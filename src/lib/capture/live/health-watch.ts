import type { Exchange } from '../../exchanges/exchange.js';
import { IMPATIENT, type RestClient } from '../../history/rest-client.js';
import type { AnyRecord, EventRecord } from '../../model/records.js';
import { freeBytes } from '../../storage/files/free-space.js';
import { CaptureHealth, type HealthLimits } from './health.js';
import type { Live } from './live.js';

export type HealthOptions = {
  readonly live: Pick<Live, 'status' | 'pools'>;
  readonly limits: HealthLimits;
  /** Id of this process, for its events. */
  readonly run: string;
  /** Measures the clocks of the exchanges; without it only data shows an offset. */
  readonly rest?: RestClient | undefined;
  /** Where records are written; undefined where nothing is. */
  readonly directory?: string | undefined;
  /** Writes a line of the log. */
  readonly log: (severity: 'info' | 'warn', text: string) => void;
  /** Milliseconds between two looks, and between two measurements of the clocks. */
  readonly every?: number | undefined;
  readonly clockEvery?: number | undefined;
};

const EVERY = 5_000;
const CLOCK_EVERY = 600_000;
/** A short capture asks nothing; a clock that is wrong is wrong for longer. */
const FIRST_CLOCK = 30_000;

/** Watches a capture while its records are read, and puts `event` records between them. */
export class HealthWatch {
  readonly #options: HealthOptions;
  readonly #health: CaptureHealth;
  readonly #offsets = new Map<string, number>();
  readonly #waiting: EventRecord[] = [];
  #seq = 0;
  #clockDue: number;
  #wake = () => {};

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#health = new CaptureHealth(options.limits);
    this.#clockDue = performance.now() + Math.min(FIRST_CLOCK, options.clockEvery ?? FIRST_CLOCK);
  }

  /** Passes records on, with events between them: also while none come, since that is what one of them says. */
  async *records(source: AsyncIterable<readonly AnyRecord[]>): AsyncGenerator<readonly AnyRecord[]> {
    const iterator = source[Symbol.asyncIterator]();
    const timer = setInterval(() => void this.#look(), this.#options.every ?? EVERY).unref();
    try {
      let next = iterator.next();
      for (;;) {
        const woken = new Promise<undefined>((resolve) => {
          this.#wake = () => resolve(undefined);
        });
        const result = this.#waiting.length > 0 ? undefined : await Promise.race([next, woken]);
        if (this.#waiting.length > 0) yield this.#waiting.splice(0);
        if (result === undefined) continue;
        if (result.done) return;
        yield result.value;
        next = iterator.next();
      }
    } finally {
      clearInterval(timer);
      await iterator.return?.();
    }
  }

  async #look(): Promise<void> {
    const { live, directory } = this.#options;
    const at = performance.now();
    if (at >= this.#clockDue) {
      this.#clockDue = at + (this.#options.clockEvery ?? CLOCK_EVERY);
      for (const { exchange } of live.pools) void this.#measure(exchange);
    }
    const free = directory === undefined ? undefined : await freeBytes(directory);
    const { queue, lags } = live.status();
    const exchanges = live.pools.map(({ exchange: { id }, connections, counts }) => ({
      ...{ id, connections, subscriptions: counts, offset: this.#offsets.get(id) },
      lags: lags.filter(({ market }) => market.startsWith(`${id} `)),
    }));
    for (const finding of this.#health.look({ at, exchanges, queue, free })) this.#emit(finding);
  }

  /** Measures how far the clock of an exchange is ahead, as far as the time that the answer took proves it. */
  async #measure(exchange: Exchange): Promise<void> {
    const { rest } = this.#options;
    const { clock, id } = exchange;
    if (!rest || !clock) return;
    try {
      const [sent, began] = [Date.now(), performance.now()];
      const body = await rest.get(exchange, clock.request, IMPATIENT);
      const half = (performance.now() - began) / 2;
      const offset = clock.parse(body) / 1_000 - (sent + half);
      this.#offsets.set(id, Math.sign(offset) * Math.max(0, Math.abs(offset) - half));
    } catch {
      // An exchange that does not answer is reported by what does not arrive.
    }
  }

  #emit(finding: Pick<EventRecord, 'severity' | 'kind' | 'message' | 'exchange' | 'data'>): void {
    const timestamp = Date.now() * 1_000;
    const { run, log } = this.#options;
    this.#waiting.push({ type: 'event', timestamp, localTimestamp: timestamp, run, seq: this.#seq++, ...finding });
    log(finding.severity === 'routine' ? 'info' : 'warn', finding.message);
    this.#wake();
  }
}
