import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Listing, Market, NewListing } from '../market/listing.js';
import type { MarketEvent, SyntheticMarket } from '../market/market.js';
import { Recording } from '../market/recording.js';
import type { TradeOrder } from '../market/symbol-market.js';
import { MarketClock, RuleClock } from './clock.js';
import type { Exchange, Topic, Venue } from './exchange.js';
import { Faults } from './faults.js';
import { Feeds } from './feeds.js';
import { Gate } from './gate.js';
import { createMarket, type ServerOptions } from './options.js';
import { Playback } from './playback.js';
import { type RestAnswer, RestServer } from './rest.js';
import { type Limits, type Rule, SlidingWindow, type Violation } from './rules.js';
import { Session, type SessionHost } from './session.js';
import { Tape } from './tape.js';
import { Traffic } from './traffic.js';
import { type TrueBook, type TrueTrade, trueBook, trueTrade } from './truth.js';

const PUMP_EVERY = 5;
const MINUTE = 60_000;
const MANUAL_START = Date.UTC(2026, 10, 20, 12);

/** A subscription that was confirmed `at` (market time, ms); `readAt` when the client had read that, absent before. */
export type Subscribed = {
  readonly at: number;
  readonly topic: Topic;
  readonly session: Session;
  readonly readAt?: number | undefined;
};

/** What a server has besides its public side. */
type ServerExtension = {
  /** Answers a request that came to a host; false where it is not its own. */
  handle(request: IncomingMessage, response: ServerResponse, host: string): boolean;
  observe(event: MarketEvent, now: number): void;
  run(now: number): void;
  close(): Promise<void>;
};

/** A running exchange. `violations` is empty as long as its clients keep the rules. */
export class ExchangeServer {
  readonly faults = new Faults();
  readonly violations: Violation[] = [];
  readonly market: SyntheticMarket;
  readonly #exchange: Exchange;
  readonly #clock: MarketClock;
  readonly #rules: RuleClock;
  readonly #limits: Limits;
  readonly #feeds: Feeds;
  readonly #rest: RestServer;
  readonly #tape: Tape | undefined;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #tcp = new Set<Socket>();
  readonly #sessions = new Set<Session>();
  readonly #subscribed: Subscribed[] = [];
  readonly #gate: Gate;
  readonly #floods = new SlidingWindow(2, 5 * MINUTE);
  readonly #traffic: Traffic | Playback;
  readonly #tapeDelay: number;
  readonly #host: SessionHost;
  #extension: ServerExtension | undefined;
  #tapeFrom = Number.POSITIVE_INFINITY;
  #accepted = 0;
  #refusedConnects = 0;
  #pump: NodeJS.Timeout | undefined;
  #port = 0;
  #lastBeat = performance.now();

  constructor(exchange: Exchange, options: ServerOptions) {
    this.#exchange = exchange;
    const isManual = options.clock === 'manual';
    this.#clock = new MarketClock(options.start ?? (isManual ? MANUAL_START : Date.now()), isManual, options.recording?.speed);
    this.#rules = new RuleClock(options.timeScale ?? 1);
    this.#limits = { ...exchange.limits, ...options.limits };
    this.#tape = options.tape && new Tape(options.tape.path, exchange, options.tape.speed ?? 1);
    this.#tapeDelay = options.tape?.delay ?? 1_000;
    const recording = options.recording && new Recording(options.recording.records, exchange.universe('linear', 1)[0] as Listing);
    const listings = recording ? [recording.listing] : this.#tape?.listings;
    this.market = createMarket(exchange, options, listings, this.now());
    const venue: Venue = { market: this.market, now: () => this.#clock.now() };
    this.#feeds = new Feeds(venue, this.faults, options.keepBooks ?? true);
    this.#traffic = recording
      ? new Playback(this.market, this.#feeds, recording, this.now())
      : new Traffic(this.market, this.#feeds, options.rate ?? 0, this.now());
    this.market.onEvent = (event, now) => {
      this.#feeds.publish(event, now);
      this.#extension?.observe(event, now);
    };
    this.#gate = new Gate(exchange, this.#limits, this.faults, (rule, detail) => this.#violate(rule, detail));
    this.#host = this.#createHost(venue);
    this.#rest = new RestServer(exchange.rest, {
      ...this.#host,
      venue,
      ruleSpeed: options.timeScale ?? 1,
      recorded: (path, query) => this.#recorded(path, query),
    });
    this.#http = this.serve('');
  }

  /** Adds a side that public feeds know nothing of. Once, before the server listens. */
  extend(extension: ServerExtension): void {
    this.#extension = extension;
  }

  /** Returns an HTTP server of this exchange; `host` names it where it is not the main one and begins its socket paths. */
  serve(host: string): Server {
    const http = createServer((request, response) => {
      if (!this.#extension?.handle(request, response, host)) this.#rest.handle(request, response);
    });
    http.on('connection', (socket: Socket) => this.#track(socket));
    http.on('upgrade', (request, socket: Socket, head) => this.#upgrade(request, socket, head, host));
    return http;
  }

  get id(): string {
    return this.#exchange.id;
  }

  get restUrl(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** Variables that point a client here. */
  get environment(): Record<string, string> {
    const prefix = this.#exchange.environment;
    return { [`${prefix}_WS_URL`]: this.wsUrl, [`${prefix}_REST_URL`]: this.restUrl };
  }

  /** Exchange time, ms. */
  now(): number {
    return this.#clock.now();
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen(port, '127.0.0.1', resolve);
    });
    this.#port = (this.#http.address() as AddressInfo).port;
    this.#pump = setInterval(() => this.#beat(), PUMP_EVERY);
    return this;
  }

  async close(): Promise<void> {
    clearInterval(this.#pump);
    for (const session of this.#sessions) session.drop();
    for (const socket of this.#tcp) socket.destroy();
    await this.#extension?.close();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  // What clients did.

  /** Open connections, oldest first; each can be stalled, dropped, made to duplicate, reorder or lose frames. */
  get connections(): readonly Session[] {
    return [...this.#sessions];
  }

  /** Connections accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Connects turned away or cut since the start. */
  get refusedConnects(): number {
    return this.#refusedConnects;
  }

  get requests(): number {
    return this.#rest.requests;
  }

  /** Returns the connections that have a symbol's channel, by the exchange's names. */
  subscribers(market: Market, symbol: string, channel?: string): Session[] {
    const isIt = (topic: Topic): boolean =>
      topic.market === market && topic.symbol === symbol && (channel === undefined || topic.channel === channel);
    return this.connections.filter((session) => [...session.topics.values()].some(isIt));
  }

  /** Subscriptions of all open connections. */
  get subscriptions(): number {
    return this.connections.reduce((sum, { topics }) => sum + topics.size, 0);
  }

  /** Every subscription that was confirmed, in order. */
  get subscribed(): readonly Subscribed[] {
    return this.#subscribed;
  }

  // The truth.

  /** Returns every trade of a symbol since the server was created, oldest first, whether or not anybody heard of it. */
  trades(market: Market, symbol: string): TrueTrade[] {
    const found = this.market.get(market, symbol);
    return found.trades.slice().map((fill) => trueTrade(this.#exchange, found, fill));
  }

  /** Returns how many trades a symbol, or with no argument the market, has had. */
  tradeCount(market?: Market, symbol?: string): number {
    if (market && symbol) return this.market.get(market, symbol).trades.length;
    return this.market.symbols.reduce((sum, { trades }) => sum + trades.length, 0);
  }

  /** Returns every pushed state of a book channel (`books`, `orderbook.50`), oldest first. */
  books(market: Market, symbol: string, channel: string): TrueBook[] {
    const { listing } = this.market.get(market, symbol);
    return this.#feeds
      .pushes(market, symbol, channel)
      .map(({ push, protocol }) => trueBook(push, protocol.writer.sequence(push), listing));
  }

  /** Returns the state of a book channel after the push of that sequence (Bitget `seq`, Bybit `u`). */
  book(market: Market, symbol: string, channel: string, sequence: string): TrueBook | undefined {
    const { listing } = this.market.get(market, symbol);
    const found = this.#feeds
      .pushes(market, symbol, channel)
      .find(({ push, protocol }) => protocol.writer.sequence(push) === sequence);
    return found && trueBook(found.push, sequence, listing);
  }

  // What happens, by the test's hand.

  /** Lets one market order trade and returns its trades. */
  trade(market: Market, symbol: string, order?: TradeOrder): TrueTrade[] {
    const found = this.market.get(market, symbol);
    return this.market.trade(found, this.now(), order).map((fill) => trueTrade(this.#exchange, found, fill));
  }

  /** Changes a symbol's book and pushes it. */
  requote(market: Market, symbol: string): void {
    this.market.requote(this.market.get(market, symbol), this.now());
  }

  /** Pushes a symbol's ticker. */
  ticker(market: Market, symbol: string): void {
    this.#feeds.publish({ kind: 'ticker', symbol: this.market.get(market, symbol) }, this.now());
  }

  liquidate(market: Market, symbol: string): void {
    this.market.liquidate(this.market.get(market, symbol), this.now());
  }

  /** Lets market time pass, with all that `rate` makes happen in it. Rules do not notice. */
  advance(milliseconds: number): void {
    this.#clock.advance(milliseconds);
    this.#traffic.run(this.now());
    this.#extension?.run(this.now());
  }

  /** Lets time pass for the rules only: pings fall due, windows empty. */
  skipRuleTime(milliseconds: number): void {
    this.#rules.skip(milliseconds);
    this.#checkSessions();
  }

  list(listing: NewListing): void {
    this.market.list(listing, this.now());
  }

  /** Ends a symbol's trading: no more data, new subscriptions refused, status closed in the lists. */
  delist(market: Market, symbol: string): void {
    this.market.delist(market, symbol);
  }

  /** A symbol's topics of a kind fall mute on the connections that have them, until they are subscribed again. */
  mute(market: Market, symbol: string, kind: Topic['kind'] = 'trade'): void {
    this.#feeds.mute(market, symbol, kind);
  }

  unmute(market: Market, symbol: string): void {
    this.#feeds.unmute(market, symbol);
  }

  // Faults of the whole server; those of one connection are methods of `connections`.

  /** Cuts every connection. */
  drop(): void {
    for (const session of this.connections) session.drop();
  }

  /** Cuts every connection and refuses new ones, and REST, for so many milliseconds of rule time. */
  ban(milliseconds: number): void {
    this.#gate.ban(this.#rules.now() + milliseconds);
    this.#rest.ban(milliseconds);
    this.drop();
  }

  /** One delta of the symbol's books is lost on the way: the next does not follow what clients have. */
  breakSequence(market: Market, symbol: string): void {
    this.#feeds.loseBookPush(market, symbol, this.now());
  }

  /** The next delta of the symbol carries a wrong checksum (Bitget v2 with `checksum`). */
  breakChecksum(market: Market, symbol: string): void {
    this.#feeds.spoilChecksum(market, symbol);
  }

  /** The exchange's book service restarts: a snapshot in the middle of the stream. */
  restartBooks(market: Market, symbol: string): void {
    this.#feeds.restartBooks(market, symbol, this.now());
  }

  #createHost(venue: Venue): SessionHost {
    return {
      ...venue,
      limits: this.#limits,
      faults: this.faults,
      ruleTime: () => this.#rules.now(),
      violate: (rule, detail, connection) => this.#violate(rule, detail, connection),
      serves: (path, topic) => this.#tape?.has(path, topic) ?? true,
      subscribe: (session, topic) => this.#subscribe(session, topic),
      unsubscribe: (session, topic) => this.#feeds.unsubscribe(session, topic),
    };
  }

  #subscribe(session: Session, topic: Topic): void {
    const subscribed: { -readonly [Name in keyof Subscribed]: Subscribed[Name] } = { at: this.now(), topic, session };
    this.#subscribed.push(subscribed);
    session.whenRead(() => {
      subscribed.readAt = this.now();
    });
    if (!this.#tape) {
      this.#feeds.subscribe(session, topic);
      return;
    }
    if (this.#tapeFrom === Number.POSITIVE_INFINITY || this.#rules.now() < this.#tapeFrom) {
      this.#tapeFrom = this.#rules.now() + this.#tapeDelay;
    }
    this.#tape.catchUp(session, topic);
  }

  #recorded(path: string, query: URLSearchParams): RestAnswer | undefined {
    return this.#tape?.answer(path, query);
  }

  /** A client that floods again and again is banned (Bitget: "repeated violations: IP block"). */
  #violate(rule: Rule, detail: string, connection?: number): void {
    const at = this.#rules.now();
    this.violations.push({ rule, detail, at, connection });
    if (rule === 'messages-per-second' && !this.#floods.admits(at)) this.ban(5 * MINUTE);
  }

  #track(socket: Socket): void {
    this.#tcp.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.#tcp.delete(socket));
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer, host: string): void {
    socket.on('error', () => {});
    const pathname = host + new URL(request.url ?? '/', 'http://localhost').pathname;
    const refusal = this.#gate.refuse(pathname, this.#rules.now(), this.connections);
    if (refusal) this.#refusedConnects += 1;
    if (refusal === 'cut') socket.destroy();
    else if (refusal) {
      const { status, body } = refusal;
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    } else this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#accept(pathname, webSocket, socket));
  }

  #accept(path: string, webSocket: WebSocket, socket: Socket): void {
    const protocol = this.#exchange.protocols.get(path);
    if (!protocol) throw new Error(`no protocol on ${path}`);
    this.#accepted += 1;
    const session = new Session(this.#accepted, path, protocol, webSocket, socket, this.#host);
    this.#sessions.add(session);
    webSocket.on('close', () => {
      this.#sessions.delete(session);
      protocol.closed?.(session);
      for (const topic of session.topics.values()) this.#feeds.unsubscribe(session, topic);
    });
  }

  #beat(): void {
    for (const session of this.#sessions) session.cork();
    const beat = performance.now();
    if (this.#tape && this.#rules.now() >= this.#tapeFrom) this.#tape.play(beat - this.#lastBeat, this.#sessions);
    this.#lastBeat = beat;
    if (!this.#clock.isManual) {
      this.#traffic.run(this.now());
      this.#extension?.run(this.now());
    }
    for (const session of this.#sessions) session.uncork();
    this.#checkSessions();
  }

  #checkSessions(): void {
    const now = this.#rules.now();
    for (const session of this.#sessions) session.check(now);
  }
}
