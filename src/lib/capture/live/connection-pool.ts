import type { ConnectionPlan, Exchange, PlanOptions, Subscription } from '../../exchanges/exchange.js';
import type { Pacing } from '../../exchanges/live-protocol.js';
import type { Market } from '../../model/records.js';
import { ConnectGate } from '../../transport/connect-gate.js';
import type { Timing } from '../../transport/timing.js';
import { ConnectionSupervisor, type SupervisorEvents } from './connection-supervisor.js';
import { PriceWatch } from './price-watch.js';
import type { StateCounts } from './subscriptions.js';
import type { Wire } from './wire.js';

/** An exchange, where it is reached, and how it is treated. */
export type Venue = {
  readonly exchange: Exchange;
  readonly api: string;
  readonly websocketOrigin: string;
  readonly restOrigin: string;
  readonly pacing: (market: Market) => Pacing;
  /** What the user overrides of the exchange's plan. */
  readonly planning: Omit<PlanOptions, 'api' | 'depth'>;
};

export type ConnectionPoolOptions = {
  readonly venue: Venue;
  readonly depth: number;
  readonly wire: Wire;
  readonly timing: Timing;
  readonly userAgent: string;
  readonly events: SupervisorEvents;
};

/** Between two attempts to resynchronise one book, ms. */
const RENEW_EVERY = 10_000;

type Carrier = { readonly supervisor: ConnectionSupervisor; readonly market: Market; subscriptions: Subscription[] };

/** All connections to one exchange: they share one gate, and together carry every subscription once. */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #gate: ConnectGate;
  readonly #prices = new PriceWatch();
  readonly #renewed = new Map<string, number>();
  #carriers: Carrier[] = [];

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
    const { venue, timing } = options;
    // What counts for the exchange as a whole is the same on all its markets.
    const pacing = venue.pacing(venue.exchange.markets[0] as Market);
    this.#gate = new ConnectGate({
      atOnce: pacing.connectsAtOnce,
      pause: pacing.connectPause,
      jitter: pacing.connectJitter,
      perFiveMinutes: pacing.connectsPerFiveMinutes,
      timing,
    });
  }

  get exchange(): Exchange {
    return this.#options.venue.exchange;
  }

  get connections(): { readonly wanted: number; readonly open: number } {
    return { wanted: this.#carriers.length, open: this.#carriers.filter(({ supervisor }) => supervisor.isConnected).length };
  }

  get counts(): StateCounts {
    const sum = { pending: 0, confirmed: 0, refused: 0, stale: 0 };
    for (const { supervisor } of this.#carriers) {
      const counts = supervisor.counts;
      for (const state of Object.keys(sum) as (keyof typeof sum)[]) sum[state] += counts[state];
    }
    return sum;
  }

  get subscriptions(): readonly Subscription[] {
    return this.#carriers.flatMap(({ subscriptions }) => subscriptions);
  }

  /** Makes `wanted` what is subscribed: ends the rest, and puts what is new where there is room or on new connections. */
  async adjust(wanted: readonly Subscription[]): Promise<void> {
    const keys = new Set(wanted.map(keyOf));
    const present = new Set(this.subscriptions.map(keyOf));
    await this.#end(keys);
    this.#begin(wanted.filter((subscription) => !present.has(keyOf(subscription))));
  }

  /** Asks for a book's topic anew, unless that was just done. */
  renewBook(market: Market, symbol: string): void {
    const { venue, depth, timing } = this.#options;
    const key = `${market} ${symbol}`;
    const now = timing.now();
    if (now - (this.#renewed.get(key) ?? Number.NEGATIVE_INFINITY) < RENEW_EVERY) return;
    this.#renewed.set(key, now);
    for (const { supervisor, subscriptions } of this.#carriers) {
      const books = subscriptions.filter(
        (candidate) => candidate.market === market && candidate.symbol === symbol && candidate.channel.startsWith('book'),
      );
      if (books.length === 0) continue;
      const topics = topicsOf(venue.exchange.plan(books, { ...venue.planning, api: venue.api, depth }));
      for (const topic of topics) if (supervisor.topics.has(topic)) supervisor.renew(topic);
    }
  }

  retry(): void {
    for (const { supervisor } of this.#carriers) supervisor.retry();
  }

  check(): void {
    for (const { supervisor } of this.#carriers) supervisor.check();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#carriers.map(({ supervisor }) => supervisor.stop()));
  }

  async #end(wanted: ReadonlySet<string>): Promise<void> {
    const emptied: ConnectionSupervisor[] = [];
    for (const carrier of this.#carriers) {
      const kept = carrier.subscriptions.filter((subscription) => wanted.has(keyOf(subscription)));
      if (kept.length === carrier.subscriptions.length) continue;
      carrier.subscriptions = kept;
      const topics = new Set(topicsOf(this.#plan(kept)));
      const { supervisor } = carrier;
      supervisor.remove([...supervisor.topics].filter((topic) => !topics.has(topic)));
      if (kept.length === 0) emptied.push(supervisor);
    }
    this.#carriers = this.#carriers.filter(({ supervisor }) => !emptied.includes(supervisor));
    await Promise.all(emptied.map((supervisor) => supervisor.stop()));
  }

  #begin(added: readonly Subscription[]): void {
    let rest = added;
    for (const carrier of this.#carriers) rest = this.#fill(carrier, rest);
    for (const plan of this.#plan(rest)) this.#carriers.push(this.#carrierOf(plan));
  }

  /** Gives a connection what it has room for; returns what is left. Symbols stay whole: one by one, in order. */
  #fill(carrier: Carrier, added: readonly Subscription[]): readonly Subscription[] {
    const own = added.filter(({ market }) => market === carrier.market);
    let count = own.length;
    const fits = (amount: number) => this.#plan([...carrier.subscriptions, ...own.slice(0, amount)]).length <= 1;
    while (count > 0 && !fits(count)) count -= 1;
    if (count === 0) return added;
    const taken = own.slice(0, count);
    carrier.subscriptions = [...carrier.subscriptions, ...taken];
    carrier.supervisor.add(topicsOf(this.#plan(carrier.subscriptions)));
    return added.filter((subscription) => !taken.includes(subscription));
  }

  #plan(subscriptions: readonly Subscription[]): readonly ConnectionPlan[] {
    const { venue, depth } = this.#options;
    return venue.exchange.plan(subscriptions, { ...venue.planning, api: venue.api, depth });
  }

  #carrierOf({ market, path, subscriptions, messages }: ConnectionPlan): Carrier {
    const { venue, wire, timing, userAgent, events } = this.#options;
    const { exchange, websocketOrigin } = venue;
    const url = `${websocketOrigin}${path}`;
    const supervisor = new ConnectionSupervisor(
      {
        exchange,
        url,
        pacing: venue.pacing(market),
        gate: this.#gate,
        wire,
        userAgent,
        argumentsPerMessage: venue.planning.argumentsPerMessage,
        timing,
        events,
        prices: this.#prices,
      },
      messages.flatMap(({ topics }) => topics),
    );
    supervisor.start();
    return { supervisor, market, subscriptions: [...subscriptions] };
  }
}

function topicsOf(plans: readonly ConnectionPlan[]): string[] {
  return plans.flatMap(({ messages }) => messages.flatMap(({ topics }) => topics));
}

function keyOf({ market, channel, symbol, interval }: Subscription): string {
  return `${market} ${channel} ${symbol} ${interval ?? ''}`;
}
