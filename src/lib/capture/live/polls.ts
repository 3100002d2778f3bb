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

/** What is asked for by REST again and again, every how many milliseconds, and how. */
export type Polled = { readonly types: readonly PolledType[]; readonly every: number; readonly client: RestClient };

export type PollsOptions = {
  readonly venues: readonly Venue[];
  readonly polled: Polled | undefined;
  readonly wire: Wire;
  readonly timing: Timing;
  readonly log: LiveLog;
};

/** Throws a `UsageError` when a market has no such thing to be polled, naming what it has. */
export function checkPolled(venues: readonly Venue[], markets: readonly Market[], types: readonly PolledType[]): void {
  for (const { exchange } of venues) {
    for (const market of markets) {
      const has = exchange.polling.types(market);
      const lacking = types.find((type) => !has.includes(type));
      if (lacking !== undefined)
        throw new UsageError(
          `--poll ${lacking}: ${exchange.name} ${market} does not have it; ${has.length > 0 ? `it has ${has.join(', ')}` : 'it has nothing to poll'}`,
        );
    }
  }
}

/** The pollers of a run, one per exchange. */
export class Polls {
  readonly #pollers: ReadonlyMap<string, Poller>;
  readonly #log: LiveLog;
  #given = new Map<string, number>();

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

  /** Questions answered and given up so far. */
  get answered(): number {
    return [...this.#pollers.values()].reduce((sum, { answered }) => sum + answered, 0);
  }

  get failed(): number {
    return [...this.#pollers.values()].reduce((sum, { failed }) => sum + failed, 0);
  }

  get isActive(): boolean {
    return this.#pollers.size > 0;
  }

  /** Makes these the symbols that are asked about. */
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
    const before = this.#given.get(id) ?? 0;
    this.#given.set(id, before + 1);
    if (before === 0) this.#log.notice(`${reason}; asked again with the next poll`);
    else this.#log.warn(reason);
  }
}
