import { roughDuration } from '../../lib/cli/progress.js';
import { historyOf } from '../../lib/exchanges/history.js';
import type { FetchTask } from '../../lib/history/fetch-task.js';
import { counted } from '../../lib/model/counted.js';
import { lengthOf } from '../../lib/model/span.js';
import { formatTime, SECOND } from '../../lib/model/time.js';
import type { ResultColumn } from '../../lib/storage/reading/query-result.js';

/** Plan of one symbol's history of one kind. Times are microseconds; `requests` is the minimum number. */
export type PlanRow = {
  readonly exchange: string;
  readonly market: string;
  readonly symbol: string;
  readonly channel: string;
  readonly interval: string | undefined;
  readonly from_timestamp: number;
  readonly until_timestamp: number;
  readonly holes: number;
  readonly requests: number;
  /** `at least` if the number of requests depends on the responses; `unavailable` with the reason. */
  readonly note: string | undefined;
};

export const PLAN_COLUMNS: readonly ResultColumn[] = [
  { name: 'exchange', kind: 'text' },
  { name: 'market', kind: 'text' },
  { name: 'symbol', kind: 'text' },
  { name: 'channel', kind: 'text' },
  { name: 'interval', kind: 'text' },
  { name: 'from_timestamp', kind: 'time' },
  { name: 'until_timestamp', kind: 'time' },
  { name: 'holes', kind: 'number' },
  { name: 'requests', kind: 'number' },
  { name: 'note', kind: 'text' },
] as const;

/** Returns a row per topic for the ranges to fetch, and rows for unavailable ranges. */
export function planRows(tasks: readonly FetchTask[]): PlanRow[] {
  return tasks.flatMap(({ topic, spans, unavailable, requests, atLeast, note }) => {
    const { exchange, market, symbol, type: channel, interval } = topic;
    const row = (from: number, until: number, gaps: number, more: Pick<PlanRow, 'requests' | 'note'>): PlanRow => {
      return {
        exchange: exchange.id,
        market,
        symbol,
        channel,
        interval,
        from_timestamp: from,
        until_timestamp: until,
        holes: gaps,
        ...more,
      };
    };
    const rows = unavailable.map((range) =>
      row(range.spans[0]?.from ?? 0, range.spans.at(-1)?.until ?? 0, range.spans.length, {
        requests: 0,
        note: `unavailable: ${range.note}`,
      }),
    );
    if (spans.length > 0) {
      const text = note ?? (atLeast ? 'at least' : undefined);
      rows.push(row(spans[0]?.from ?? 0, spans.at(-1)?.until ?? 0, spans.length, { requests, note: text }));
    }
    return rows;
  });
}

/** Returns the reasons for unavailable ranges, one line for all symbols of a reason. */
export function planNotes(tasks: readonly FetchTask[]): string[] {
  const notes = new Map<string, number>();
  for (const { topic, unavailable, note } of tasks) {
    for (const text of [...unavailable.map((range) => `unavailable: ${range.note}`), ...(note === undefined ? [] : [note])]) {
      const key = `${topic.exchange.id} ${topic.market} ${topic.type}: ${text}`;
      notes.set(key, (notes.get(key) ?? 0) + 1);
    }
  }
  return [...notes].map(([text, count]) => (count > 1 ? `${text} (${count} symbols)` : text));
}

/** Share of a rate limit that requests use. */
const SHARE = 0.8;

/** Returns a plan in one line: ranges, hours, requests, and the time they take within the rate limits. */
export function planSummary(tasks: readonly FetchTask[], now: number): string {
  const due = tasks.filter(({ spans }) => spans.length > 0);
  if (due.length === 0) return 'nothing to fetch';
  const requests = due.reduce((sum, task) => sum + task.requests, 0);
  const ranges = due.reduce((sum, { spans }) => sum + spans.length, 0);
  const hours = lengthOf(due.flatMap(({ spans }) => spans)) / (3_600 * SECOND);
  const about = due.some((task) => task.atLeast) ? 'at least' : 'about';
  const histories = due.length > 1 ? ` of ${counted(due.length, 'history', 'histories')}` : '';
  const time = roughDuration(secondsOf(due, now));
  return `fetching ${counted(ranges, 'range')}${histories}, ${hours.toFixed(1)} h: ${about} ${counted(requests, 'request')} (${time} at the rate limit)`;
}

/** Returns the time of the slowest endpoint; endpoints are requested in parallel. */
function secondsOf(tasks: readonly FetchTask[], now: number): number {
  const seconds = new Map<string, number>();
  for (const { topic, spans, requests } of tasks) {
    const request = spans[0] && historyOf(topic.exchange).pages({ ...topic, ...spans[0] }, now)[0]?.[0];
    if (!request) continue;
    const { requests: most, within } = topic.exchange.rest.limit(request) ?? topic.exchange.rest.host;
    const key = `${topic.exchange.id} ${request.path}`;
    seconds.set(key, (seconds.get(key) ?? 0) + (requests * within) / 1_000 / (most * SHARE));
  }
  return Math.max(0, ...seconds.values());
}

/** Returns `2026-11-20T12:00:00.000Z to …` of the first span, and the number of further spans. */
export function spansText(spans: readonly { readonly from: number; readonly until: number }[]): string {
  const [first] = spans;
  if (!first) return 'nothing';
  const more = spans.length > 1 ? ` and ${counted(spans.length - 1, 'more range')}` : '';
  return `${formatTime(first.from)} to ${formatTime(first.until)}${more}`;
}
