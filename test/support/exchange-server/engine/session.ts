import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { Protocol, Topic, Venue } from './exchange.js';
import { type Faults, GARBAGE } from './faults.js';
import { type Limits, type Rule, SlidingWindow } from './rules.js';
import { BETWEEN, cutInFrame, sendInFragments, withUnknownFields } from './wire-faults.js';

const HOUR = 3_600_000;

/** Quotes and a comma around each argument. */
export const PUNCTUATION = 3;

/** What a connection needs of the server. */
export type SessionHost = Venue & {
  readonly limits: Limits;
  readonly faults: Faults;
  ruleTime(): number;
  violate(rule: Rule, detail: string, connection?: number): void;
  /** Returns whether the server can serve the topic: a tape has only what was recorded. */
  serves(path: string, topic: Topic): boolean;
  subscribe(session: Session, topic: Topic): void;
  unsubscribe(session: Session, topic: Topic): void;
};

type Held = { readonly until: number; readonly frames: string[] };

/** One client's connection: counts what the rules limit and lets the scripted faults spoil what goes out. */
export class Session {
  readonly id: number;
  readonly path: string;
  readonly protocol: Protocol;
  readonly topics = new Map<string, Topic>();
  readonly host: SessionHost;
  /** Identifies the connection to the client (Bybit `conn_id`). */
  readonly connectionId: string;
  readonly #socket: WebSocket;
  readonly #tcp: Socket;
  readonly #messages: SlidingWindow | undefined;
  readonly #subscribes: SlidingWindow | undefined;
  readonly #dropAfter: number | undefined;
  #argumentCharacters = 0;
  #lastPing: number;
  #isStalled = false;
  #duplicates = 0;
  #losses = 0;
  #fragmented = { messages: 0, pieces: 1 };
  #extended = 0;
  #cutsNext = false;
  /** Answers to subscribe messages that are still to be sent. */
  #lateAnswers = 0;
  #held: Held | undefined;
  #delayed: string[] | undefined;
  #frames = 0;
  #received = 0;
  #brokenAt = Number.POSITIVE_INFINITY;
  /** Who waits for what was sent to be read; and, in order, who waits for which pong. */
  #unread: (() => void)[] = [];
  readonly #probes: (() => void)[][] = [];
  /** Topics whose confirmation the client has not read. */
  readonly #unconfirmed = new Set<string>();
  /** Topics of refused requests that the client takes for subscribed: it has not read the refusal, or that names none. */
  readonly #unknown = new Set<string>();

  constructor(id: number, path: string, protocol: Protocol, socket: WebSocket, tcp: Socket, host: SessionHost) {
    this.id = id;
    this.path = path;
    this.protocol = protocol;
    this.host = host;
    this.connectionId = `d9avt8shteepr${String(id).padStart(7, '0')}-4zd1x`;
    this.#socket = socket;
    this.#tcp = tcp;
    const { messagesPerSecond, subscribeRequestsPerHour } = host.limits;
    this.#messages = messagesPerSecond === undefined ? undefined : new SlidingWindow(messagesPerSecond, 1_000);
    this.#subscribes = subscribeRequestsPerHour === undefined ? undefined : new SlidingWindow(subscribeRequestsPerHour, HOUR);
    this.#dropAfter = host.faults.takeDropAfter();
    this.#lastPing = host.ruleTime();
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('error', () => {});
    socket.on('close', () => this.#break());
    socket.on('pong', (payload) => {
      if (String(payload) === BETWEEN) return;
      for (const take of this.#probes.shift() ?? []) take();
    });
  }

  /** Market time from which on the client did not get everything: closed, stalled or robbed of a frame. Infinity till then. */
  get brokenAt(): number {
    return this.#brokenAt;
  }

  /** Data frames sent so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Messages received so far. */
  get received(): number {
    return this.#received;
  }

  get argumentCharacters(): number {
    return this.#argumentCharacters;
  }

  /** Sends an answer: nothing but a stall keeps it back. */
  control(text: string): void {
    if (!this.#isStalled) this.#put(text);
  }

  /** Returns what sends the answers to one subscribe message: at once, or late and together. */
  answers(): (text: string) => void {
    const delay = this.host.faults.takeDelay();
    if (delay === 0) return (text) => this.control(text);
    this.#lateAnswers += 1;
    const texts: string[] = [];
    setTimeout(() => {
      this.#lateAnswers -= 1;
      for (const text of texts) this.control(text);
      this.#probe();
    }, delay);
    return (text) => void texts.push(text);
  }

  /** Sends a data frame, subject to the faults of this connection. */
  data(text: string): void {
    if (this.#isStalled) return;
    if (this.#losses > 0) {
      this.#losses -= 1;
      return;
    }
    if (this.#held) {
      this.#hold(this.#held, text);
      return;
    }
    this.#send(text);
    if (this.#duplicates > 0) {
      this.#duplicates -= 1;
      this.#send(text);
    }
  }

  violate(rule: Rule, detail: string): void {
    this.host.violate(rule, detail, this.id);
  }

  /** Calls back when the client has read all that is sent to it until now, which a pong shows: frames are read in order. */
  whenRead(take: () => void): void {
    this.#unread.push(take);
    if (this.#unread.length === 1) setImmediate(() => this.#probe());
  }

  /** Takes note of a ping. */
  pinged(): void {
    this.#lastPing = this.host.ruleTime();
  }

  /** Counts a subscribe request; false, and a violation, when there were too many this hour. */
  admitsSubscribe(): boolean {
    if (this.#subscribes?.admits(this.host.ruleTime()) ?? true) return true;
    this.violate('subscribe-requests-per-hour', `more than ${this.host.limits.subscribeRequestsPerHour} in an hour`);
    return false;
  }

  /** Counts a request for a topic that the client has. One whose confirmation it has not read yet may be asked for again. */
  repeated(topic: string): void {
    if (!this.#unconfirmed.has(topic)) this.violate('already-subscribed', topic);
  }

  /** Takes note of topics that were refused. A client that learns which has to know it once it has read the answer. */
  refused(topics: readonly string[], isNamed: boolean): void {
    for (const topic of topics) this.#unknown.add(topic);
    if (isNamed) this.whenRead(() => topics.forEach((topic) => void this.#unknown.delete(topic)));
  }

  /** Counts the end of a subscription that the client does not have. */
  notSubscribed(topic: string): void {
    if (!this.#unknown.has(topic)) this.violate('not-subscribed', topic);
  }

  subscribe(topic: Topic): void {
    this.#unknown.delete(topic.key);
    this.#unconfirmed.add(topic.key);
    this.whenRead(() => this.#unconfirmed.delete(topic.key));
    this.topics.set(topic.key, topic);
    this.#argumentCharacters += topic.key.length + PUNCTUATION;
    this.host.subscribe(this, topic);
  }

  unsubscribe(topic: Topic): void {
    this.topics.delete(topic.key);
    this.#argumentCharacters -= topic.key.length + PUNCTUATION;
    this.host.unsubscribe(this, topic);
  }

  /** Closes when the client is late with its ping or does not read. */
  check(now: number): void {
    const { pingDeadline, unreadBytes } = this.host.limits;
    if (now - this.#lastPing > pingDeadline) {
      this.violate('ping-deadline', `no ping for ${Math.round((now - this.#lastPing) / 1_000)} s`);
      this.#lastPing = now;
      this.close(1000, 'no ping');
    } else if (this.#socket.bufferedAmount > unreadBytes) {
      this.violate('slow-consumer', `${this.#socket.bufferedAmount} bytes unread`);
      this.drop();
    }
  }

  /** Closes with a close frame: what was sent before arrives. */
  close(code: number, reason: string): void {
    this.#break();
    this.#socket.close(code, reason);
  }

  /** Cuts the connection without a close frame. */
  drop(): void {
    this.#break();
    this.#tcp.uncork();
    this.#socket.terminate();
  }

  /** Sends nothing more, not even pongs, and stays open. What is meant for it is lost. */
  stall(): void {
    this.#break();
    this.#isStalled = true;
  }

  /** Sends again. */
  resume(): void {
    this.#isStalled = false;
  }

  /** The network stands still: what is sent arrives when it is released, all of it and in order. */
  hold(): void {
    this.#delayed ??= [];
  }

  /** What was held back arrives, also what waited to be sent in another order. */
  release(): void {
    if (this.#held) this.#flush(this.#held);
    const delayed = this.#delayed ?? [];
    this.#delayed = undefined;
    for (const text of delayed) this.#put(text);
    this.#probe();
  }

  /** The next data frames are sent twice each. */
  duplicate(frames: number): void {
    this.#duplicates += frames;
  }

  /** The next data frames are lost. */
  lose(frames: number): void {
    this.#break();
    this.#losses += frames;
  }

  /** The next data frames are kept and sent in reverse order. */
  reorder(frames: number): void {
    this.#held = { until: frames, frames: [] };
  }

  /** The next messages are sent in fragments, each with a ping of the protocol between them. */
  fragment(messages: number, pieces = 3): void {
    this.#fragmented = { messages, pieces };
  }

  /** The next data frames and their rows have fields that no documentation names. */
  extend(frames: number): void {
    this.#extended += frames;
  }

  /** The connection ends in the middle of the next message. */
  cutInFrame(): void {
    this.#cutsNext = true;
  }

  /** Sends frames of topics that the client never subscribed, well formed. */
  strange(): void {
    for (const text of this.protocol.strangeFrames(this.host.now())) this.#put(text);
  }

  /** Sends one of each kind of garbage. */
  garbage(): void {
    for (const each of GARBAGE) this.#socket.send(each);
  }

  /** Many frames become one write between the two. */
  cork(): void {
    this.#tcp.cork();
  }

  uncork(): void {
    this.#tcp.uncork();
  }

  #hold(held: Held, text: string): void {
    held.frames.push(text);
    if (held.frames.length < held.until) return;
    this.#flush(held);
  }

  #flush(held: Held): void {
    this.#held = undefined;
    for (const frame of held.frames.reverse()) this.#count(frame);
    this.#dropIfDue();
  }

  #probe(): void {
    if (this.#delayed || this.#isStalled || this.#lateAnswers > 0 || this.#unread.length === 0) return;
    this.#probes.push(this.#unread);
    this.#unread = [];
    this.#socket.ping();
  }

  #put(text: string): void {
    if (this.#delayed) this.#delayed.push(text);
    else if (this.#cutsNext) this.#cut(text);
    else if (this.#fragmented.messages > 0) {
      this.#fragmented.messages -= 1;
      sendInFragments(this.#socket, text, this.#fragmented.pieces);
    } else this.#socket.send(text);
  }

  #cut(text: string): void {
    this.stall();
    cutInFrame(this.#tcp, text);
  }

  #break(): void {
    this.#brokenAt = Math.min(this.#brokenAt, this.host.now());
  }

  #send(text: string): void {
    this.#count(text);
    this.#dropIfDue();
  }

  #count(text: string): void {
    if (this.#extended > 0) this.#put(withUnknownFields(text));
    else this.#put(text);
    this.#extended = Math.max(0, this.#extended - 1);
    this.#frames += 1;
  }

  /** Frames that are sent in another order are sent all: nothing older than what a client has is lost with a connection. */
  #dropIfDue(): void {
    if (this.#dropAfter !== undefined && this.#frames >= this.#dropAfter) this.drop();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#received += 1;
    if (this.#isStalled) return;
    if (!(this.#messages?.admits(this.host.ruleTime()) ?? true)) {
      this.violate('messages-per-second', `more than ${this.host.limits.messagesPerSecond} in a second`);
      this.protocol.overRate(this);
      this.close(1008, 'request over limit');
      return;
    }
    if (isBinary) this.violate('malformed-message', 'a binary message');
    else this.protocol.receive(this, String(data));
  }
}
