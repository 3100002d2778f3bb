import type { Mode } from '../model/records.js';
import { spokenDuration } from '../model/time.js';
import type { Notice } from './notice.js';

/** A process that is gone is reported after this long: a supervisor may start it again. */
const GONE = 60_000;
/** An alarm about the liquidation is over when the price is this much further away, or half of the limit if that is less. */
const HYSTERESIS = 0.02;
/** Distance of the liquidation that is an alarm, where nobody has said another. */
const NEAR = 0.1;

/**
 * Returns the distance of the liquidation that is an alarm by default. At leverage 10 a ladder begins less than 10 % from its
 * liquidation: an alarm at each entry is one that nobody reads. It is half of what the leverage leaves at entry, at most 10 %.
 */
export function defaultLiquidationLimit(leverage: string): number {
  return Math.min(NEAR, 1 / Number(leverage) / 2);
}

const SUFFIX = ':watchdog';

/** Returns the source of what is watched of a run from outside. */
export function watchdogSource(run: string): string {
  return `${run}${SUFFIX}`;
}

/** Returns the run of a source. */
export function runOf(source: string): string {
  return source.endsWith(SUFFIX) ? source.slice(0, -SUFFIX.length) : source;
}

/** What a run last said of itself. `at`: milliseconds of the wall clock. */
export type Sign = {
  readonly at: number;
  /** Whether the process of that sign exists. */
  readonly isAlive: boolean;
  /** Whether the run ended by itself: then nobody waits for a sign. */
  readonly isFinished: boolean;
  readonly held?: string | undefined;
  readonly mark?: number | undefined;
  readonly liquidation?: number | undefined;
};

type Subject = {
  readonly run: string;
  readonly mode: Mode;
  readonly exchange: string;
  readonly symbol: string;
};

type Limits = {
  /** Milliseconds without a sign. */
  readonly stalled: number;
  /** Distance of the liquidation from the mark price, a fraction of the latter; undefined for none. */
  readonly liquidation: number | undefined;
};

/** What one process hands to the next: the next number, and since when (microseconds of the wall clock) a kind lasts. */
export type WatchdogState = { readonly seq: number; readonly since: Readonly<Record<string, number>> };

/**
 * Watches one run from outside. A run whose process was killed cannot say so: its heartbeat grows old. Age alone would accuse a
 * run after the machine has slept, so that it counts only while this process itself was running.
 */
export class Watchdog {
  readonly #subject: Subject;
  readonly #limits: Limits;
  readonly #since = new Map<string, number>();
  /** Kinds that this process has raised. What another one has raised is raised again: a sink may not have got it. */
  readonly #raised = new Set<string>();
  #last: number | undefined;
  #changed = 0;
  #hasBeaten = false;
  #seq = 0;

  constructor(subject: Subject, limits: Limits) {
    this.#subject = subject;
    this.#limits = limits;
  }

  /**
   * Continues where another process has ended. Without it an alarm of that process would never be cleared, and another alarm would
   * get its number, by which a receiver takes it for a repeat.
   */
  restore({ seq, since }: WatchdogState): void {
    this.#seq = seq;
    for (const [kind, time] of Object.entries(since)) this.#since.set(kind, time);
  }

  get state(): WatchdogState {
    return { seq: this.#seq, since: Object.fromEntries(this.#since) };
  }

  /** Takes the latest sign; returns what it means. `at`: monotonic milliseconds; `time`: microseconds of the wall clock. */
  look(sign: Sign, { at, time }: { readonly at: number; readonly time: number }): Notice[] {
    if (sign.at !== this.#last) {
      this.#hasBeaten = this.#last !== undefined;
      this.#last = sign.at;
      this.#changed = at;
    }
    return [...this.#lookAtAge(sign, at, time), ...this.#lookAtPrice(sign, time)];
  }

  #lookAtAge({ at: beaten, isAlive, isFinished, held }: Sign, at: number, time: number): Notice[] {
    const silent = at - this.#changed;
    const limit = isAlive ? this.#limits.stalled : Math.min(GONE, this.#limits.stalled);
    if (isFinished) return this.#clear('no_heartbeat', time);
    // Before the first beat that this process sees nobody knows whether a run is back that another process has accused.
    if (silent < limit) return this.#hasBeaten ? this.#clear('no_heartbeat', time) : [];
    const age = spokenDuration(Math.max(silent, time / 1_000 - beaten) / 1_000);
    const why = isAlive ? 'its process does not answer' : 'its process is gone';
    const holds = held === undefined ? '' : `; held: ${held}`;
    return this.#raise('no_heartbeat', `no sign of life for ${age}, ${why}${holds}; what rests on the exchange stays`, time);
  }

  #lookAtPrice({ mark, liquidation }: Sign, time: number): Notice[] {
    const limit = this.#limits.liquidation;
    if (limit === undefined) return [];
    const distance =
      mark === undefined || liquidation === undefined ? Number.POSITIVE_INFINITY : Math.abs(mark - liquidation) / mark;
    if (distance <= limit) {
      const text = `the price ${mark} is ${(distance * 100).toFixed(1)} % from the liquidation at ${liquidation}`;
      return this.#raise('liquidation_distance', text, time);
    }
    return distance > limit + Math.min(HYSTERESIS, limit / 2) ? this.#clear('liquidation_distance', time) : [];
  }

  #raise(kind: string, message: string, time: number): Notice[] {
    if (this.#raised.has(kind)) return [];
    this.#raised.add(kind);
    if (!this.#since.has(kind)) this.#since.set(kind, time);
    return [this.#notice(kind, `${kind}: ${message}`, time, { severity: 'alarm', cause: kind })];
  }

  #clear(kind: string, time: number): Notice[] {
    const since = this.#since.get(kind);
    if (since === undefined) return [];
    this.#since.delete(kind);
    this.#raised.delete(kind);
    const text = `${kind} cleared after ${spokenDuration(Math.max(0, time - since) / 1_000_000)}`;
    return [this.#notice('cleared', text, time, { severity: 'routine', clears: kind })];
  }

  #notice(kind: string, text: string, time: number, more: Pick<Notice, 'severity' | 'cause' | 'clears'>): Notice {
    const { run, mode, exchange, symbol } = this.#subject;
    const words = kind.replaceAll('_', ' ');
    const seq = this.#seq++;
    return {
      ...{ source: watchdogSource(run), seq, time, mode, exchange, symbol },
      ...{ kind, text: `${symbol}  ${text}`, one: `${words} event`, many: `${words} events`, ...more },
    };
  }
}
