import type { Exchange, Frame } from '../../exchanges/exchange.js';
import type { Pacing, TopicFeed } from '../../exchanges/live-protocol.js';
import { Backoff } from '../../transport/backoff.js';
import type { ConnectGate } from '../../transport/connect-gate.js';
import type { Timing } from '../../transport/timing.js';
import type { DataFrame } from '../session/capture.js';
import { Connection, type ConnectionEnd } from './connection.js';
import type { PriceWatch } from './price-watch.js';
import { SubscribedConnection } from './subscribed-connection.js';
import type { StateCounts } from './subscriptions.js';
import { TopicIndex } from './topic-index.js';
import type { ConnectionKeeper, Wire } from './wire.js';

/** What a supervisor tells; each line is worth a log line. */
export type SupervisorEvents = {
  connected(url: string): void;
  failed(reason: string): void;
  lost(reason: string): void;
  refused(topic: string, reason: string): void;
  /** Topics that are silent although `why`. */
  stale(topics: readonly string[], why: string): void;
};

export type ConnectionSupervisorOptions = {
  readonly exchange: Exchange;
  readonly url: string;
  readonly pacing: Pacing;
  readonly gate: ConnectGate;
  readonly wire: Wire;
  readonly userAgent: string;
  readonly argumentsPerMessage: number | undefined;
  readonly timing: Timing;
  readonly events: SupervisorEvents;
  /** The prices of all connections of the exchange. */
  readonly prices: PriceWatch;
};

/** Rotations are spread over this share of their period, so that connections made together do not end together. */
const ROTATION_SPREAD = 0.1;
const SETTLE_CHECK = 50;

/**
 * Keeps a set of topics subscribed: connects, subscribes, connects again after a loss, and replaces the connection before
 * the exchange cuts it, the new one confirmed before the old one closes.
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
    return this.#current?.link.isOpen ?? false;
  }

  /** How the subscriptions stand; without a connection all of them are pending. */
  get counts(): StateCounts {
    const refused = this.#refused.size;
    if (!this.#current) return { pending: this.#topics.size - refused, confirmed: 0, refused, stale: 0 };
    const counts = this.#current.subscriptions.counts;
    const asked = counts.pending + counts.confirmed + counts.stale;
    return { ...counts, refused, pending: counts.pending + Math.max(0, this.#topics.size - refused - asked) };
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Ends the connection on purpose; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#current?.link.close();
    this.#next?.link.close();
    await this.#done;
  }

  /** Subscribes further topics. */
  add(topics: readonly string[]): void {
    const added = topics.filter((topic) => !this.#topics.has(topic));
    for (const topic of added) this.#want(topic);
    for (const attachment of this.#attachments()) attachment.ask(added);
  }

  /** Unsubscribes topics. */
  remove(topics: readonly string[]): void {
    for (const topic of topics) {
      this.#topics.delete(topic);
      this.#refused.delete(topic);
    }
    for (const attachment of this.#attachments()) attachment.release(topics);
  }

  /** Asks for a topic anew: the exchange answers with a snapshot. */
  renew(topic: string): void {
    for (const attachment of this.#attachments()) attachment.renew(topic);
  }

  /** Asks once more for what was refused or not answered: the reason may have gone. */
  retry(): void {
    const topics = [...this.#refused.keys()];
    this.#refused.clear();
    for (const attachment of this.#attachments()) attachment.ask([...topics, ...attachment.subscriptions.unanswered]);
  }

  /** Takes an answer of the exchange on one of this supervisor's connections. */
  answered(id: string, frame: Frame): void {
    this.#attachments()
      .find((attachment) => attachment.id === id)
      ?.answered(frame);
  }

  /** Takes note of data on one of this supervisor's connections. */
  delivered(id: string, { events }: DataFrame): void {
    const attachment = this.#current?.id === id ? this.#current : this.#next;
    const [event] = events;
    if (attachment?.id !== id || event === undefined) return;
    this.#backoff.reset();
    this.#options.prices.observe(events, attachment.link.heardAt);
    const topic = this.#index.find(event);
    if (topic !== undefined) attachment.heard(topic);
  }

  /** Reports what has become stale. */
  check(): void {
    const { timing, events } = this.#options;
    const subscriptions = this.#current?.subscriptions;
    if (!subscriptions) return;
    const stale = subscriptions.check(timing.now(), this.#isGreeted);
    if (stale.length > 0) events.stale(stale, 'others speak');
    const missing = [...this.#topics].filter((topic) => this.#isMissing(topic) && subscriptions.suspect(topic));
    if (missing.length > 0) events.stale(missing, 'their tickers tell of trades');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const attachment = await this.#attach();
      if (!attachment) {
        await this.#pause();
        continue;
      }
      this.#current = attachment;
      const end = await this.#carry();
      this.#current = undefined;
      if (signal.aborted) return;
      this.#options.events.lost(describe(end));
      await this.#pause();
    }
  }

  /** Holds the connection, replacing it when its time has come; resolves when one is lost. */
  async #carry(): Promise<ConnectionEnd> {
    for (;;) {
      const { link } = this.#current as SubscribedConnection;
      const rotation = new AbortController();
      const end = await Promise.race([link.ended, this.#rotationDue(rotation.signal)]);
      rotation.abort();
      if (end) return end;
      await this.#rotate();
      if (!link.isOpen && this.#current?.link === link) return link.ended;
    }
  }

  async #rotationDue(signal: AbortSignal): Promise<undefined> {
    const { pacing, timing } = this.#options;
    if (pacing.rotateAfter <= 0) return new Promise(() => {});
    await timing.sleep(pacing.rotateAfter * (1 - ROTATION_SPREAD * timing.random()), signal);
    return undefined;
  }

  /** Brings up a second connection, and ends the first when the second has everything. */
  async #rotate(): Promise<void> {
    const old = this.#current as SubscribedConnection;
    const next = await this.#attach();
    if (!next) return void (await this.#pause());
    this.#next = next;
    const isReady = await this.#settled(next, old);
    // One that died unnoticed has missed what came before the new one was ready: that is a loss, not a replacement.
    if (isReady) await old.link.proven();
    this.#next = undefined;
    if (!isReady) return next.link.close();
    this.#current = next;
    old.link.close();
    await old.link.ended;
  }

  /** Resolves to true when `next` has everything, the first state of books too, and lives; to false when it was lost before. */
  async #settled(next: SubscribedConnection, old: SubscribedConnection): Promise<boolean> {
    const { timing } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted && next.link.isOpen) {
      next.subscriptions.check(timing.now(), this.#isGreeted);
      if (next.subscriptions.isSettled(this.#isGreeted) || !old.link.isOpen) return true;
      await timing.sleep(SETTLE_CHECK, signal);
    }
    return false;
  }

  /** Connects and subscribes everything; undefined when that failed or the run is stopped. */
  async #attach(): Promise<SubscribedConnection | undefined> {
    const { exchange, wire, pacing, timing, events, url, gate, userAgent, argumentsPerMessage } = this.#options;
    const { signal } = this.#stop;
    const connection = wire.open(exchange, url, this);
    const { heartbeat } = exchange.live;
    const link = new Connection({ url, pacing, heartbeat, userAgent, gate, timing, events: connection.events });
    const onRefused = (topics: readonly string[], reason: string) => this.#refuse(topics, reason);
    const attachment = new SubscribedConnection(connection.id, link, {
      exchange,
      pacing,
      timing,
      argumentsPerMessage,
      onRefused,
    });
    try {
      if (!(await link.open(signal))) return undefined;
    } catch (error) {
      if (!signal.aborted) events.failed((error as Error).message);
      return undefined;
    }
    if (signal.aborted) {
      link.close();
      return undefined;
    }
    events.connected(url);
    void this.#subscribeSoon(attachment);
    return attachment;
  }

  async #subscribeSoon(attachment: SubscribedConnection): Promise<void> {
    const { pacing, timing } = this.#options;
    await timing.sleep(pacing.subscribeDelay + pacing.subscribeDelayJitter * timing.random(), this.#stop.signal);
    if (!attachment.link.isOpen || this.#stop.signal.aborted) return;
    attachment.begin([...this.#topics].filter((topic) => !this.#refused.has(topic)));
  }

  #want(topic: string): void {
    this.#topics.add(topic);
    this.#index.add(topic, this.#feedsOf(topic));
  }

  #feedsOf(topic: string): readonly TopicFeed[] {
    return this.#options.exchange.live.feedsOf(topic, this.#options.url);
  }

  readonly #isGreeted = (topic: string): boolean =>
    this.#feedsOf(topic).some(({ channel }) => this.#options.exchange.live.greeted.includes(channel));

  /** Whether trades of a topic did not come, by what the tickers say. */
  #isMissing(topic: string): boolean {
    const { prices, timing, pacing } = this.#options;
    const now = timing.now();
    const isMissing = ({ channel, market, symbol }: TopicFeed) =>
      channel === 'trade' && prices.isMissing(market, symbol, now, pacing.staleAfter);
    return this.#feedsOf(topic).some(isMissing);
  }

  #refuse(topics: readonly string[], reason: string): void {
    const { events } = this.#options;
    for (const topic of topics) {
      this.#refused.set(topic, reason);
      events.refused(topic, reason);
    }
    if (topics.length === 0) events.refused('', reason);
  }

  #attachments(): SubscribedConnection[] {
    return [this.#current, this.#next].filter((attachment) => attachment?.link.isOpen === true) as SubscribedConnection[];
  }

  #pause(): Promise<void> {
    return this.#options.timing.sleep(this.#backoff.next(), this.#stop.signal);
  }
}

function describe({ code, reason }: ConnectionEnd): string {
  return reason === '' ? `closed with code ${code}` : `${reason} (code ${code})`;
}
