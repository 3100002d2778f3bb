import type { Channel, Exchange, FeedEvent, Frame } from '../../exchanges/exchange.js';
import type { Pacing, TopicFeed } from '../../exchanges/live-protocol.js';
import { Backoff } from '../../transport/backoff.js';
import type { ConnectGate } from '../../transport/connect-gate.js';
import type { Timing } from '../../transport/timing.js';
import { channelOf } from '../selection.js';
import type { DataFrame } from '../session/capture.js';
import { Connection, type ConnectionEnd } from './connection.js';
import type { PriceWatch } from './price-watch.js';
import { SubscribedConnection } from './subscribed-connection.js';
import type { StateCounts, Subscriptions } from './subscriptions.js';
import type { ConnectionKeeper, Wire } from './wire.js';

/** Callbacks of a connection supervisor; each call is worth a log line. */
export type SupervisorEvents = {
  connected(url: string): void;
  failed(reason: string): void;
  lost(reason: string): void;
  refused(topic: string, reason: string): void;
  /** Topics that deliver nothing although `why`. */
  stale(topics: readonly string[], why: string): void;
};

type ConnectionSupervisorOptions = {
  readonly exchange: Exchange;
  readonly url: string;
  readonly pacing: Pacing;
  readonly gate: ConnectGate;
  readonly wire: Wire;
  readonly userAgent: string;
  readonly argumentsPerMessage: number | undefined;
  readonly timing: Timing;
  readonly events: SupervisorEvents;
  /** Last prices from all connections of the exchange. */
  readonly prices: PriceWatch;
};

/** Connections that are opened together would be replaced together. Their rotations spread over this share of the period. */
const ROTATION_SPREAD = 0.1;
const SETTLE_CHECK = 50;
/** A ticker that shows trades proves more than silence: a trade topic counts as mute after this share of `staleAfter`. */
const TICKER_SHARE = 0.25;

/** Channels that show the state of a symbol, which every trade changes. */
const STATES: ReadonlySet<Channel> = new Set(['ticker', 'book', 'book_delta', 'candle']);
/** Bybit sends a candle once a minute at least: it counts as mute after this multiple of `staleAfter`. */
const CANDLE_SHARE = 2;
/** A silence of states is unusual when it exceeds this multiple of the mean time between their frames. */
const UNUSUAL = 20;
/** No more topics than these of a connection count as mute at the same time. */
const FEW = 3;
const MUTE_SHARE = 0.1;

/**
 * Keeps a set of topics subscribed: connects, subscribes, and reconnects after a loss. An exchange cuts every connection
 * after a day. A rotation replaces it earlier: the new one delivers everything before the old one closes.
 */
export class ConnectionSupervisor implements ConnectionKeeper {
  readonly #options: ConnectionSupervisorOptions;
  readonly #topics = new Set<string>();
  readonly #index = new TopicIndex();
  readonly #refused = new Map<string, string>();
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  #current: SubscribedConnection | undefined;
  #next: SubscribedConnection | undefined;
  /** Topics that are mute, with the time (ms) from which each may be resubscribed again. */
  readonly #mute = new Map<string, { readonly pause: number; readonly next: number }>();
  /** By topic, its last data and the first sign after it that it should have said more (ms). */
  readonly #silences = new Map<string, { readonly last: number; readonly since: number }>();
  #hasConnected = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: ConnectionSupervisorOptions, topics: readonly string[]) {
    this.#options = options;
    const { reconnectFirst, reconnectLongest } = options.pacing;
    this.#backoff = new Backoff({ first: reconnectFirst, longest: reconnectLongest, random: options.timing.random });
    for (const topic of topics) this.#want(topic);
  }

  get url(): string {
    return this.#options.url;
  }

  get topics(): ReadonlySet<string> {
    return this.#topics;
  }

  get isConnected(): boolean {
    return this.#current?.connection.isOpen ?? false;
  }

  /** Subscriptions by state; without a connection all of them are pending. */
  get counts(): StateCounts {
    const refused = this.#refused.size;
    if (!this.#current) return { pending: this.#topics.size - refused, confirmed: 0, refused, stale: 0 };
    const counts = this.#current.subscriptions.counts;
    const known = counts.pending + counts.confirmed + counts.stale;
    const mute = [...this.#mute.keys()].filter((topic) => this.#current?.subscriptions.state(topic) === 'confirmed').length;
    const { confirmed, stale } = { confirmed: counts.confirmed - mute, stale: counts.stale + mute };
    return { ...counts, confirmed, stale, refused, pending: counts.pending + Math.max(0, this.#topics.size - refused - known) };
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Closes the connection; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#current?.connection.close();
    this.#next?.connection.close();
    await this.#done;
  }

  /** Subscribes further topics. */
  add(topics: readonly string[]): void {
    const added = topics.filter((topic) => !this.#topics.has(topic));
    for (const topic of added) this.#want(topic);
    for (const connection of this.#openConnections()) connection.subscribe(added);
  }

  /** Unsubscribes topics. */
  remove(topics: readonly string[]): void {
    for (const topic of topics) {
      this.#topics.delete(topic);
      this.#mute.delete(topic);
      this.#refused.delete(topic);
    }
    for (const connection of this.#openConnections()) connection.unsubscribe(topics);
  }

  /** Resubscribes a topic, so that the exchange sends a new snapshot. */
  resubscribe(topic: string): void {
    for (const connection of this.#openConnections()) connection.resubscribe(topic);
  }

  /** Requests refused and unanswered topics again: the reason may have passed. */
  retry(): void {
    const topics = [...this.#refused.keys()];
    this.#refused.clear();
    for (const connection of this.#openConnections()) connection.subscribe([...topics, ...connection.subscriptions.unanswered]);
  }

  /** Handles an answer of the exchange on one of the connections. */
  onAnswer(id: string, frame: Frame): void {
    this.#openConnections()
      .find((subscribed) => subscribed.id === id)
      ?.onAnswer(frame);
  }

  /** Handles data on one of the connections. */
  onData(id: string, { events, history }: DataFrame): void {
    const subscribed = this.#current?.id === id ? this.#current : this.#next;
    const [event] = events;
    if (subscribed?.id !== id || event === undefined) return;
    this.#backoff.reset();
    if (!history) this.#options.prices.observe(events, subscribed.connection.heardAt);
    const topic = this.#index.find(event);
    if (topic === undefined) return;
    subscribed.onData(topic);
    if (!history && this.#mute.size > 0) this.#mute.delete(topic);
  }

  /** Reports topics that have become stale. */
  check(): void {
    const { timing, events } = this.#options;
    const subscriptions = this.#current?.subscriptions;
    if (!subscriptions) return;
    const stale = subscriptions.check(timing.now(), this.#hasSnapshot);
    if (stale.length > 0) events.stale(stale, 'others deliver');
    const now = timing.now();
    const topics = [...this.#topics];
    this.#restoreAll(topics.filter(this.#lacksTrades), 'their tickers show trades', now);
    const silent = topics.filter((topic) => this.#lacksStates(topic, subscriptions, now));
    // Many at once are late, not mute: a loaded machine or connection would be loaded further.
    if (silent.length <= Math.max(FEW, MUTE_SHARE * topics.length)) this.#restoreAll(silent, 'their symbols trade', now);
  }

  #restoreAll(mute: readonly string[], why: string, now: number): void {
    const due = mute.filter((topic) => now >= (this.#mute.get(topic)?.next ?? 0));
    const fresh = due.filter((topic) => !this.#mute.has(topic));
    if (fresh.length > 0) this.#options.events.stale(fresh, why);
    for (const topic of due) this.#restore(topic, now);
  }

  /**
   * Resubscribes a topic that is mute on an open connection. Its missing trades are fetched: without a loss that the
   * capture knows of, they would be missing in silence. A topic that stays mute is resubscribed less and less often:
   * exchanges limit the requests per hour.
   */
  #restore(topic: string, now: number): void {
    const { exchange, wire, prices, pacing } = this.#options;
    const pause = 2 * (this.#mute.get(topic)?.pause ?? pacing.staleAfter / 2);
    this.#mute.set(topic, { pause, next: now + pause });
    for (const { market, channel, symbol } of this.#feedsOf(topic)) {
      wire.muted({ exchange: exchange.id, market, channel, symbol });
      if (channel === 'trade') prices.restart(market, symbol);
    }
    this.resubscribe(topic);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const subscribed = await this.#connect();
      if (!subscribed) {
        await this.#pause();
        continue;
      }
      this.#current = subscribed;
      const end = await this.#keep();
      this.#current = undefined;
      if (signal.aborted) return;
      this.#options.events.lost(endText(end));
      await this.#pause();
    }
  }

  /** Keeps the connection and rotates it when due; resolves when one is lost. */
  async #keep(): Promise<ConnectionEnd> {
    for (;;) {
      const { connection } = this.#current as SubscribedConnection;
      const rotation = new AbortController();
      const end = await Promise.race([connection.ended, this.#rotationDue(rotation.signal)]);
      rotation.abort();
      if (end) return end;
      await this.#rotate();
      if (!connection.isOpen && this.#current?.connection === connection) return connection.ended;
    }
  }

  async #rotationDue(signal: AbortSignal): Promise<undefined> {
    const { pacing, timing } = this.#options;
    if (pacing.rotateAfter <= 0) return new Promise(() => {});
    await timing.sleep(pacing.rotateAfter * (1 - ROTATION_SPREAD * timing.random()), signal);
    return undefined;
  }

  /** Opens a second connection, and closes the first when the second delivers everything. */
  async #rotate(): Promise<void> {
    const old = this.#current as SubscribedConnection;
    const next = await this.#connect();
    if (!next) return void (await this.#pause());
    this.#next = next;
    const isReady = await this.#settled(next, old);
    // The old one may be dead without a close frame. Frames from before the new one was ready are then missing: a loss, not a
    // replacement.
    if (isReady) await old.connection.confirmAlive();
    this.#next = undefined;
    if (!isReady) return next.connection.close();
    this.#current = next;
    old.connection.close();
    await old.connection.ended;
  }

  /** Resolves to true when `next` delivers all topics, books with their snapshot; to false when it is lost before. */
  async #settled(next: SubscribedConnection, old: SubscribedConnection): Promise<boolean> {
    const { timing } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted && next.connection.isOpen) {
      next.subscriptions.check(timing.now(), this.#hasSnapshot);
      if (next.subscriptions.isSettled(this.#hasSnapshot) || !old.connection.isOpen) return true;
      await timing.sleep(SETTLE_CHECK, signal);
    }
    return false;
  }

  /** Connects and subscribes all topics; returns undefined when that fails or the run is stopped. */
  async #connect(): Promise<SubscribedConnection | undefined> {
    const { exchange, wire, pacing, timing, events, url, gate, userAgent, argumentsPerMessage } = this.#options;
    const { signal } = this.#stop;
    const opened = wire.open(exchange, url, this);
    const { heartbeat } = exchange.live;
    const kind = this.#hasConnected && !this.#current ? 'reconnect' : 'start';
    const connection = new Connection({ url, pacing, heartbeat, userAgent, gate, kind, timing, events: opened.events });
    const onRefused = (topics: readonly string[], reason: string) => this.#refuse(topics, reason);
    const subscribed = new SubscribedConnection(opened.id, connection, {
      exchange,
      pacing,
      timing,
      argumentsPerMessage,
      onRefused,
    });
    try {
      if (!(await connection.open(signal))) return undefined;
    } catch (error) {
      if (!signal.aborted) events.failed((error as Error).message);
      return undefined;
    }
    if (signal.aborted) {
      connection.close();
      return undefined;
    }
    this.#hasConnected = true;
    events.connected(url);
    void this.#subscribeSoon(subscribed);
    return subscribed;
  }

  async #subscribeSoon(subscribed: SubscribedConnection): Promise<void> {
    const { pacing, timing } = this.#options;
    await timing.sleep(pacing.subscribeDelay + pacing.subscribeDelayJitter * timing.random(), this.#stop.signal);
    if (!subscribed.connection.isOpen || this.#stop.signal.aborted) return;
    subscribed.begin([...this.#topics].filter((topic) => !this.#refused.has(topic)));
  }

  #want(topic: string): void {
    this.#topics.add(topic);
    this.#index.add(topic, this.#feedsOf(topic));
  }

  #feedsOf(topic: string): readonly TopicFeed[] {
    return this.#options.exchange.live.feedsOf(topic, this.#options.url);
  }

  readonly #hasSnapshot = (topic: string): boolean =>
    this.#feedsOf(topic).some(({ channel }) => this.#options.exchange.live.snapshotOnSubscribe.includes(channel));

  /** Whether trades of a topic are missing, by what its tickers show. */
  readonly #lacksTrades = (topic: string): boolean => {
    const { prices, timing, pacing } = this.#options;
    const limit = pacing.staleAfter * TICKER_SHARE;
    return this.#feedsOf(topic).some(
      ({ channel, market, symbol }) => channel === 'trade' && prices.isMissing(market, symbol, timing.now(), limit),
    );
  };

  /**
   * Whether a topic of states has said nothing since its symbol traded, long ago for it: trades change the ticker, the book and
   * the candle. A topic that speaks rarely is not judged by a few trades.
   */
  #lacksStates(topic: string, subscriptions: Subscriptions, now: number): boolean {
    const { prices, pacing } = this.#options;
    const last = subscriptions.lastData(topic);
    const feeds = this.#feedsOf(topic).filter(({ channel }) => STATES.has(channel));
    const interval = subscriptions.interval(topic) ?? (this.#mute.has(topic) ? 0 : undefined);
    if (last === undefined || feeds.length === 0 || interval === undefined) return false;
    const active = Math.max(...feeds.map(({ market, symbol }) => prices.lastActive(market, symbol)));
    const known = this.#silences.get(topic);
    const silence = known?.last === last ? known : { last, since: active };
    if (active > last) this.#silences.set(topic, silence);
    else this.#silences.delete(topic);
    const isCandle = feeds.some(({ channel }) => channel === 'candle');
    const limit = isCandle ? CANDLE_SHARE * pacing.staleAfter : Math.max(pacing.staleAfter, UNUSUAL * interval);
    return active > last && now - silence.since >= limit;
  }

  #refuse(topics: readonly string[], reason: string): void {
    const { events } = this.#options;
    for (const topic of topics) {
      this.#refused.set(topic, reason);
      events.refused(topic, reason);
    }
    if (topics.length === 0) events.refused('', reason);
  }

  #openConnections(): SubscribedConnection[] {
    return [this.#current, this.#next].filter((subscribed) => subscribed?.connection.isOpen === true) as SubscribedConnection[];
  }

  /** The pause after a long outage is up to a minute. It ends as soon as another connection reaches the exchange. */
  async #pause(): Promise<void> {
    const { timing, gate } = this.#options;
    const over = new AbortController();
    await Promise.race([timing.sleep(this.#backoff.next(), this.#stop.signal), gate.recovered(over.signal)]);
    over.abort();
  }
}

function endText({ code, reason }: ConnectionEnd): string {
  return reason === '' ? `closed with code ${code}` : `${reason} (code ${code})`;
}

/** Finds the topic that delivered an event. It runs for every frame, so it builds no text on the way. */
class TopicIndex {
  /** By channel, then by symbol; candles by symbol and interval. */
  readonly #topics = new Map<Channel, Map<string, string>>();

  add(topic: string, feeds: readonly TopicFeed[]): void {
    for (const { channel, symbol, interval } of feeds) {
      const topics = this.#topics.get(channel) ?? new Map<string, string>();
      this.#topics.set(channel, topics.set(topicKey(symbol, interval), topic));
    }
  }

  /** Returns the topic of the symbol of the event, else the topic of all symbols. */
  find(event: FeedEvent): string | undefined {
    const channel = event.type === 'book_message' ? 'book' : channelOf(event.type);
    const interval = event.type === 'candle' ? event.interval : undefined;
    const topics = channel && this.#topics.get(channel);
    return topics?.get(topicKey(event.symbol, interval)) ?? topics?.get(topicKey('', interval));
  }
}

function topicKey(symbol: string, interval: string | undefined): string {
  return interval === undefined ? symbol : `${symbol} ${interval}`;
}
