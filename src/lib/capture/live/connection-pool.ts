import type { ConnectionPlan, Exchange, OriginsOf, PlanOptions, Subscription } from '../../exchanges/exchange.js';
import type { Pacing } from '../../exchanges/live-protocol.js';
import type { Market } from '../../model/records.js';
import { ConnectGate } from '../../transport/connect-gate.js';
import type { Timing } from '../../transport/timing.js';
import { ConnectionSupervisor, type SupervisorEvents } from './connection-supervisor.js';
import { PriceWatch } from './price-watch.js';
import type { StateCounts } from './subscriptions.js';
import type { Wire } from './wire.js';

/** An exchange, its origins, and the pacing of its connections. */
export type Venue = {
  readonly exchange: Exchange;
  readonly api: string;
  readonly origins: OriginsOf;
  readonly pacing: (market: Market) => Pacing;
  /** Settings of the user that override the plan of the exchange. */
  readonly planning: Omit<PlanOptions, 'api' | 'depth'>;
};

type ConnectionPoolOptions = {
  readonly venue: Venue;
  readonly depth: number;
  readonly wire: Wire;
  readonly timing: Timing;
  readonly userAgent: string;
  readonly events: SupervisorEvents;
};

/** Milliseconds between two resubscriptions of one book. */
const RESUBSCRIBE_EVERY = 10_000;
/** Milliseconds after which a mute trade topic may be resubscribed again; doubled each time. */
const RESTORE_PAUSE = 60_000;

/** One connection of the pool, with the subscriptions on it. */
type Member = { readonly supervisor: ConnectionSupervisor; readonly market: Market; subscriptions: Subscription[] };

/** All connections to one exchange. They share one connect gate, and each subscription is on one of them. */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #gate: ConnectGate;
  readonly #prices = new PriceWatch();
  readonly #resubscribed = new Map<string, number>();
  /** When a trade topic was resubscribed last (ms), and the pause until it may be again. */
  readonly #restored = new Map<string, { readonly at: number; readonly pause: number }>();
  #members: Member[] = [];
  #isStopped = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
    const { venue, timing } = options;
    // Limits of the exchange as a whole are the same in the pacing of each market.
    const pacing = venue.pacing(venue.exchange.markets[0] as Market);
    this.#gate = new ConnectGate({
      atOnce: pacing.connectsAtOnce,
      pause: pacing.connectPause,
      jitter: pacing.connectJitter,
      reconnectPause: pacing.reconnectPause,
      reconnectJitter: pacing.reconnectJitter,
      probePause: pacing.reconnectFirst,
      perFiveMinutes: pacing.connectsPerFiveMinutes,
      timing,
    });
  }

  get exchange(): Exchange {
    return this.#options.venue.exchange;
  }

  get connections(): { readonly wanted: number; readonly open: number } {
    return { wanted: this.#members.length, open: this.#members.filter(({ supervisor }) => supervisor.isConnected).length };
  }

  get counts(): StateCounts {
    const sum = { pending: 0, confirmed: 0, refused: 0, stale: 0 };
    for (const { supervisor } of this.#members) {
      const counts = supervisor.counts;
      for (const state of Object.keys(sum) as (keyof typeof sum)[]) sum[state] += counts[state];
    }
    return sum;
  }

  get subscriptions(): readonly Subscription[] {
    return this.#members.flatMap(({ subscriptions }) => subscriptions);
  }

  /**
   * Subscribes exactly `wanted`: ends the others, adds new ones to connections with room or to new connections. After
   * `stop` it adds none: nobody would end such a connection, and the process would never exit.
   */
  async adjust(wanted: readonly Subscription[]): Promise<void> {
    const keys = new Set(wanted.map(keyOf));
    const present = new Set(this.subscriptions.map(keyOf));
    await this.#removeExcept(keys);
    if (this.#isStopped) return;
    this.#add(wanted.filter((subscription) => !present.has(keyOf(subscription))));
  }

  /** Resubscribes the topics of a book, at most once in a while. */
  resubscribeBook(market: Market, symbol: string): void {
    const key = `${market} ${symbol}`;
    const now = this.#options.timing.now();
    if (now - (this.#resubscribed.get(key) ?? Number.NEGATIVE_INFINITY) < RESUBSCRIBE_EVERY) return;
    this.#resubscribed.set(key, now);
    this.#resubscribe(market, symbol, 'book');
  }

  /** Whether a mute trade topic may be resubscribed now: exchanges limit the requests per hour. */
  mayResubscribeTrades(market: Market, symbol: string): boolean {
    const restored = this.#restored.get(`${market} ${symbol}`);
    return restored === undefined || this.#options.timing.now() - restored.at >= restored.pause;
  }

  /** Resubscribes the trade topic of a symbol. One that stays mute may be resubscribed less and less often. */
  resubscribeTrades(market: Market, symbol: string): void {
    const key = `${market} ${symbol}`;
    const at = this.#options.timing.now();
    const before = this.#restored.get(key);
    const isAgain = before !== undefined && at - before.at < 3 * before.pause;
    this.#restored.set(key, { at, pause: isAgain ? 2 * before.pause : RESTORE_PAUSE });
    this.#resubscribe(market, symbol, 'trade');
  }

  #resubscribe(market: Market, symbol: string, kind: 'book' | 'trade'): void {
    const { venue, depth } = this.#options;
    for (const { supervisor, subscriptions } of this.#members) {
      const books = subscriptions.filter(
        (candidate) => candidate.market === market && candidate.symbol === symbol && candidate.channel.startsWith(kind),
      );
      if (books.length === 0) continue;
      const topics = topicsOf(venue.exchange.plan(books, { ...venue.planning, api: venue.api, depth }));
      for (const topic of topics) if (supervisor.topics.has(topic)) supervisor.resubscribe(topic);
    }
  }

  retry(): void {
    for (const { supervisor } of this.#members) supervisor.retry();
  }

  check(): void {
    for (const { supervisor } of this.#members) supervisor.check();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#members.map(({ supervisor }) => supervisor.stop()));
  }

  async #removeExcept(wanted: ReadonlySet<string>): Promise<void> {
    const emptied: ConnectionSupervisor[] = [];
    for (const member of this.#members) {
      const kept = member.subscriptions.filter((subscription) => wanted.has(keyOf(subscription)));
      if (kept.length === member.subscriptions.length) continue;
      member.subscriptions = kept;
      const topics = new Set(topicsOf(this.#plan(kept)));
      const { supervisor } = member;
      supervisor.remove([...supervisor.topics].filter((topic) => !topics.has(topic)));
      if (kept.length === 0) emptied.push(supervisor);
    }
    this.#members = this.#members.filter(({ supervisor }) => !emptied.includes(supervisor));
    await Promise.all(emptied.map((supervisor) => supervisor.stop()));
  }

  #add(added: readonly Subscription[]): void {
    let rest = added;
    for (const member of this.#members) rest = this.#fill(member, rest);
    for (const plan of this.#plan(rest)) this.#members.push(this.#createMember(plan));
  }

  /** Adds to a connection what fits, in order; returns the rest. */
  #fill(member: Member, added: readonly Subscription[]): readonly Subscription[] {
    const own = added.filter(({ market }) => market === member.market);
    let count = own.length;
    const fits = (amount: number) => this.#plan([...member.subscriptions, ...own.slice(0, amount)]).length <= 1;
    while (count > 0 && !fits(count)) count -= 1;
    if (count === 0) return added;
    const taken = own.slice(0, count);
    member.subscriptions = [...member.subscriptions, ...taken];
    member.supervisor.add(topicsOf(this.#plan(member.subscriptions)));
    return added.filter((subscription) => !taken.includes(subscription));
  }

  #plan(subscriptions: readonly Subscription[]): readonly ConnectionPlan[] {
    const { venue, depth } = this.#options;
    return venue.exchange.plan(subscriptions, { ...venue.planning, api: venue.api, depth });
  }

  #createMember({ market, path, subscriptions, messages }: ConnectionPlan): Member {
    const { venue, wire, timing, userAgent, events } = this.#options;
    const { exchange, origins } = venue;
    const url = `${origins(market).websocket}${path}`;
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
