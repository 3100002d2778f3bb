import type { LiveStatus } from '../../lib/capture/live/status.js';

const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** What a run did between two looks at it, per second. */
export type Rates = { readonly records: number; readonly frames: number; readonly bytes: number };

/** Returns the rates between two statuses. */
export function ratesBetween(before: LiveStatus | undefined, now: LiveStatus): Rates {
  const seconds = Math.max(0.001, now.seconds - (before?.seconds ?? 0));
  return {
    records: (recordsOf(now) - (before ? recordsOf(before) : 0)) / seconds,
    frames: (now.frames - (before?.frames ?? 0)) / seconds,
    bytes: (now.bytes - (before?.bytes ?? 0)) / seconds,
  };
}

function recordsOf({ records }: LiveStatus): number {
  let sum = 0;
  for (const [type, count] of records) if (type !== 'clock') sum += count;
  return sum;
}

/** Returns the parts of a status, the most important first; a display puts as many on a line as fit. */
export function statusParts(status: LiveStatus, rates: Rates): string[] {
  const { connections, subscriptions, queue, reconnects, gaps, repaired, duplicates, rejected } = status;
  const troubles = [
    named(subscriptions.pending, 'pending'),
    named(subscriptions.refused, 'refused'),
    named(subscriptions.stale, 'silent'),
    named(reconnects, reconnects === 1 ? 'reconnect' : 'reconnects'),
    named(gaps, gaps === 1 ? 'gap' : 'gaps'),
    named(repaired.gaps, 'repaired'),
    named(rejected, 'rejected'),
    named(status.polls.failed, status.polls.failed === 1 ? 'poll failed' : 'polls failed'),
    named(duplicates, 'repeated'),
    queue.dropped > 0 ? `${NUMBER.format(queue.dropped)} dropped` : '',
  ];
  return [
    elapsed(status.seconds),
    `connections ${connections.open}/${connections.wanted}`,
    `subscribed ${NUMBER.format(subscriptions.confirmed)}`,
    ...troubles.filter((text) => text !== ''),
    `${NUMBER.format(rates.records)} records/s`,
    `${NUMBER.format(rates.frames)} frames/s`,
    `${(rates.bytes / 1e6).toFixed(1)} MB/s`,
    ...[...status.records].filter(([type]) => type !== 'clock').map(([type, count]) => `${type} ${NUMBER.format(count)}`),
    ...status.lags.map(({ market, p50, p99, offset }) => {
      const text = `lag ${market} p50 ${milliseconds(p50)} p99 ${milliseconds(p99)}`;
      return offset <= -1 ? `${text} (clock offset: ${Math.round(offset)} ms)` : text;
    }),
    ...(queue.waiting > queue.limit / 100 ? [`queue ${NUMBER.format(queue.waiting)}`] : []),
  ];
}

/** Returns a status as the fields of a log line. */
export function statusFields(status: LiveStatus, rates: Rates): Readonly<Record<string, unknown>> {
  const { connections, subscriptions, queue } = status;
  return {
    symbols: status.symbols,
    connections: connections.open,
    connections_wanted: connections.wanted,
    ...subscriptions,
    records_per_second: Math.round(rates.records),
    frames_per_second: Math.round(rates.frames),
    bytes_per_second: Math.round(rates.bytes),
    ...Object.fromEntries([...status.records].map(([type, count]) => [type, count])),
    ...Object.fromEntries(status.lags.flatMap(lagFields)),
    reconnects: status.reconnects,
    gaps: status.gaps,
    gaps_repaired: status.repaired.gaps,
    trades_repaired: status.repaired.trades,
    duplicates: status.duplicates,
    rejected: status.rejected,
    ...(status.polls.answered + status.polls.failed > 0 && {
      polls: status.polls.answered,
      polls_failed: status.polls.failed,
    }),
    queue: queue.waiting,
    dropped: queue.dropped,
  };
}

/** Returns the facts of lag for the closing summary and log lines. */
export function lagFields({ market, p50, p99, offset }: LiveStatus['lags'][number]): [string, number][] {
  const name = market.replace(' ', '_');
  const fields: [string, number | undefined][] = [
    [`lag_p50_ms_${name}`, p50],
    [`lag_p99_ms_${name}`, p99],
    [`clock_offset_ms_${name}`, offset < 0 ? offset : undefined],
  ];
  return fields.flatMap(([key, value]) => (value === undefined ? [] : [[key, Math.round(value * 10) / 10] as [string, number]]));
}

/** Returns lines of parts, none wider than `width`; a part that is alone too wide is cut. */
export function flow(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : `${line}   ${part}`;
    if (longer.length <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = part.length > width ? `${part.slice(0, Math.max(1, width - 1))}…` : part;
  }
  return line === '' ? lines : [...lines, line];
}

function named(count: number, name: string): string {
  return count > 0 ? `${NUMBER.format(count)} ${name}` : '';
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '-';
  return value < 10 ? `${value.toFixed(1)} ms` : `${NUMBER.format(value)} ms`;
}

function elapsed(seconds: number): string {
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86_400);
  const clock = [Math.floor((whole % 86_400) / 3_600), Math.floor((whole % 3_600) / 60), whole % 60];
  const text = clock.map((part) => String(part).padStart(2, '0')).join(':');
  return days > 0 ? `${days}d ${text}` : text;
}
