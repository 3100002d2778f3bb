import { counted } from '../../model/counted.js';
import { formatSize } from '../../model/number-format.js';
import type { EventRecord } from '../../model/records.js';
import { spokenDuration } from '../../model/time.js';
import type { LagStatus, LiveStatus } from './status.js';

/** From when on the health of a capture is an alarm: milliseconds, and bytes that are free. */
export type HealthLimits = {
  readonly silent: number;
  readonly behind: number;
  readonly clock: number;
  readonly free: number;
};

/** What is known of a capture at one moment. */
type HealthSample = {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly exchanges: readonly ExchangeSample[];
  readonly queue: LiveStatus['queue'];
  /** Bytes that are free where records are written; undefined where nothing is, or nobody can say. */
  readonly free?: number | undefined;
};

export type ExchangeSample = {
  readonly id: string;
  readonly connections: { readonly wanted: number; readonly open: number };
  readonly subscriptions: LiveStatus['subscriptions'];
  readonly lags: readonly Pick<LagStatus, 'latest' | 'heard' | 'frames'>[];
  /** Milliseconds by which the exchange's clock is surely ahead of this one. */
  readonly offset?: number | undefined;
};

type Finding = Pick<EventRecord, 'severity' | 'kind' | 'message' | 'exchange' | 'data'>;

type Condition = {
  readonly kind: string;
  readonly exchange?: string | undefined;
  readonly severity?: EventRecord['severity'];
  /** What is wrong; undefined where nothing is. */
  readonly message: string | undefined;
  /** Whether it is surely over; between the two nothing is said. */
  readonly isOver?: boolean;
  /** Milliseconds that it must last; 0 unless said. */
  readonly after?: number;
  /** Since when it holds, where that is earlier than now. */
  readonly since?: number;
};

/** When the data of one exchange was first and last seen. */
type Rhythm = { readonly began: number; heard: number; last: number };

/** A silence is unusual when it exceeds this multiple of the mean time between frames: trades come in bursts. */
const UNUSUAL = 100;
/** With fewer frames than these nobody knows what is usual, and a silence must last this multiple of the limit. */
const FEW_FRAMES = 20;
const UNKNOWN = 15;
/** A condition is over below this share of its limit. */
const EASED = 0.8;
/** Windows in a row whose data is late. */
const LATE_WINDOWS = 3;

/** Judges whether a capture still captures. Each condition is reported once, and once more when it is over. */
export class CaptureHealth {
  readonly #limits: HealthLimits;
  /** Since when conditions hold; monotonic milliseconds. */
  readonly #since = new Map<string, number>();
  readonly #raised = new Set<string>();
  readonly #rhythms = new Map<string, Rhythm>();
  /** Windows in a row in which all data of an exchange was late. */
  readonly #late = new Map<string, { from: number | undefined; count: number; lag: number }>();
  #dropped = 0;

  constructor(limits: HealthLimits) {
    this.#limits = limits;
  }

  look(sample: HealthSample): Finding[] {
    return [
      ...sample.exchanges.flatMap((exchange) => [
        ...this.#lookAtSilence(exchange, sample.at),
        ...this.#lookAtClock(exchange, sample.at),
        ...this.#lookAtLag(exchange, sample.at),
      ]),
      ...this.#lookAtQueue(sample),
      ...this.#lookAtDisk(sample),
    ];
  }

  /** Nothing arrives, or a part of what was asked for does not. */
  #lookAtSilence(sample: ExchangeSample, at: number): Finding[] {
    const { id, connections, subscriptions } = sample;
    const { wanted, open } = connections;
    const { pending, stale } = subscriptions;
    const { heard, isUnusual } = this.#rhythm(sample, at);
    const why = open === 0 ? 'no connection is open' : 'although connected';
    const parts = [
      ...(open < wanted ? [`${open} of ${counted(wanted, 'connection')} open`] : []),
      ...(pending > 0 ? [`${counted(pending, 'topic')} without a confirmation`] : []),
      ...(stale > 0 ? [`${counted(stale, 'topic')} silent while others are not`] : []),
    ];
    const nothing = isUnusual ? `${id}: no data for ${spokenDuration((at - heard) / 1_000)}, ${why}` : undefined;
    return [
      ...this.#judge({ kind: 'capture_silent', exchange: id, since: heard, message: nothing }, at),
      ...this.#judge(
        {
          ...{ kind: 'capture_partial', exchange: id, severity: 'warning', after: this.#limits.silent },
          message: nothing === undefined && parts.length > 0 ? `${id}: ${parts.join(', ')}` : undefined,
          isOver: parts.length === 0,
        },
        at,
      ),
    ];
  }

  /** When data arrived last, and whether that is unusually long ago: a single symbol may trade once an hour. */
  #rhythm({ id, connections, lags }: ExchangeSample, at: number): { heard: number; isUnusual: boolean } {
    const last = Math.max(...lags.map(({ heard }) => heard ?? 0), 0);
    const frames = lags.reduce((sum, lag) => sum + (lag.frames ?? 0), 0);
    const known = this.#rhythms.get(id) ?? { began: at, heard: at, last };
    this.#rhythms.set(id, known);
    if (last !== known.last) Object.assign(known, { last, heard: at });
    const { heard, began } = known;
    const { silent } = this.#limits;
    const longest = frames < FEW_FRAMES ? UNKNOWN * silent : Math.max(silent, (UNUSUAL * (heard - began)) / frames);
    return { heard, isUnusual: connections.wanted > 0 && at - heard >= (connections.open === 0 ? silent : longest) };
  }

  /** Clocks that differ make every age wrong. What arrives before it was sent proves it, too. */
  #lookAtClock({ id, lags, offset }: ExchangeSample, at: number): Finding[] {
    const least = Math.min(...lags.map(({ latest }) => latest?.least ?? 0), 0);
    const ahead = Math.abs(offset ?? 0) >= -least ? (offset ?? 0) : -least;
    const size = Math.abs(ahead);
    const side = ahead > 0 ? 'behind' : 'ahead of';
    const message =
      size > this.#limits.clock
        ? `the clock of this host is ${(size / 1_000).toFixed(1)} s ${side} that of ${id}: set it by NTP`
        : undefined;
    return this.#judge({ kind: 'clock_offset', exchange: id, message, isOver: size <= this.#limits.clock * EASED }, at);
  }

  #lookAtLag({ id, lags, offset = 0 }: ExchangeSample, at: number): Finding[] {
    const latest = latestOf(lags);
    const known = this.#late.get(id) ?? { from: undefined, count: 0, lag: 0 };
    if (latest !== undefined && latest.from !== known.from) {
      known.lag = latest.least + offset;
      known.count = known.lag > this.#limits.behind ? known.count + 1 : 0;
      known.from = latest.from;
      this.#late.set(id, known);
    }
    const isLate = known.count >= LATE_WINDOWS;
    const message = isLate ? `${id}: data arrives ${(known.lag / 1_000).toFixed(0)} s after it was sent` : undefined;
    return this.#judge({ kind: 'capture_behind', exchange: id, message, isOver: known.count === 0 }, at);
  }

  /** Records wait for an output that is too slow. */
  #lookAtQueue({ queue, at }: HealthSample): Finding[] {
    const dropped = queue.dropped - this.#dropped;
    this.#dropped = queue.dropped;
    const share = queue.waiting / queue.limit;
    const isFull = dropped > 0 || share >= 0.5;
    const lost = dropped > 0 ? `, ${counted(dropped, 'record')} dropped or left to be fetched again` : '';
    const message = isFull
      ? `an output is too slow: ${counted(queue.waiting, 'record')} of ${queue.limit} wait for it${lost}`
      : undefined;
    return this.#judge(
      { kind: 'capture_behind', message, isOver: share < 0.1, after: dropped > 0 ? 0 : this.#limits.behind },
      at,
    );
  }

  #lookAtDisk({ free, at }: HealthSample): Finding[] {
    if (free === undefined) return [];
    const limit = this.#limits.free;
    const message = free < limit ? `${formatSize(free)} of the disk are free: make room, or the capture ends` : undefined;
    return this.#judge({ kind: 'disk', message, isOver: free > limit / EASED }, at);
  }

  #judge(condition: Condition, at: number): Finding[] {
    const { kind, exchange, severity = 'alarm', message, isOver = message === undefined, after = 0 } = condition;
    const key = `${kind} ${exchange ?? ''}`;
    const since = this.#since.get(key) ?? condition.since ?? at;
    if (message === undefined) {
      if (!isOver || !this.#since.delete(key) || !this.#raised.delete(key)) return [];
      const text = `${kind} cleared after ${spokenDuration((at - since) / 1_000)}`;
      return [{ severity: 'routine', kind: 'cleared', message: text, exchange, data: { kind } }];
    }
    this.#since.set(key, since);
    if (this.#raised.has(key) || at - since < after) return [];
    this.#raised.add(key);
    return [{ severity, kind, message, exchange }];
  }
}

function latestOf(lags: ExchangeSample['lags']): LagStatus['latest'] {
  const known = lags.flatMap(({ latest }) => latest ?? []);
  return known.length === 0 ? undefined : known.reduce((a, b) => (b.from > a.from ? b : a));
}
