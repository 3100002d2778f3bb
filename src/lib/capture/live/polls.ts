import type { PolledType } from '../../exchanges/polling.js';
import type { RestClient } from '../../history/rest-client.js';
import { UsageError } from '../../model/errors.js';
import type { Market } from '../../model/records.js';
import type { Timing } from '../../transport/timing.js';
import type { Venue } from './connection-pool.js';
import { Poller } from './poller.js';
import type { LiveLog } from './run-log.js';
import type { UniverseAnswer } from './universe-watch.js';
import type { Wire } from './wire.js';

/** The polled types, the interval in milliseconds, and the client. */
export type Polled = { readonly types: readonly PolledType[]; readonly every: number; readonly client: RestClient };

type PollsOptions = {
  readonly venues: readonly Venue[];
  readonly polled: Polled | undefined;
  readonly wire: Wire;
  readonly timing: Timing;
  readonly log: LiveLog;
};

/** Throws a `UsageError` that names the pollable types when a market lacks one of `types`. */
export function checkPolled(venues: readonly Venue[], markets: readonly Market[], types: readonly PolledType[]): void {
  for (const { exchange } of venues) {
    for (const market of markets) {
      if (!exchange.polling && types.length > 0) throw new UsageError(`${exchange.id} has no polling: leave out --poll`);
      const has = exchange.polling?.types(market) ?? [];
      const lacking = types.find((type) => !has.includes(type));
      if (lacking !== undefined)
        throw new UsageError(
          `--poll ${lacking}: not available on ${exchange.name} ${market}; ${has.length > 0 ? `available: ${has.join(', ')}` : 'nothing can be polled there'}`,
        );
    }
  }
}

/** The pollers of a run, one per exchange. */
export class Polls {
  readonly #pollers: ReadonlyMap<string, Poller>;
  readonly #log: LiveLog;
  #failures = new Map<string, number>();

  constructor({ venues, polled, wire, timing, log }: PollsOptions) {
    this.#log = log;
    this.#pollers = new Map(
      polled && polled.types.length > 0
        ? venues.map((venue) => {
            const onFailure = (reason: string) => this.#failed(venue.exchange.id, reason);
            const onRecovery = (what: string) => log.info(what);
            return [venue.exchange.id, new Poller({ ...polled, venue, wire, timing, onFailure, onRecovery })];
          })
        : [],
    );
  }

  /** Requests answered and given up so far. */
  get answered(): number {
    return [...this.#pollers.values()].reduce((sum, { answered }) => sum + answered, 0);
  }

  get failed(): number {
    return [...this.#pollers.values()].reduce((sum, { failed }) => sum + failed, 0);
  }

  get isActive(): boolean {
    return this.#pollers.size > 0;
  }

  /** Sets the polled symbols. */
  adjust(symbols: UniverseAnswer['symbols']): void {
    for (const [id, ofMarket] of symbols) {
      const poller = this.#pollers.get(id);
      if (poller) poller.symbols = ofMarket;
    }
  }

  start(): void {
    for (const poller of this.#pollers.values()) poller.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#pollers.values()].map((poller) => poller.stop()));
  }

  #failed(id: string, reason: string): void {
    const before = this.#failures.get(id) ?? 0;
    this.#failures.set(id, before + 1);
    if (before === 0) this.#log.notice(`${reason}; retrying with the next poll`);
    else this.#log.warn(reason);
  }
}
