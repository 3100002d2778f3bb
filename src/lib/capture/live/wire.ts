import type { Exchange, Frame } from '../../exchanges/exchange.js';
import type { Trade } from '../../model/records.js';
import { type FrameBytes, frameBytes, type WireEvent } from '../../tape/tape.js';
import type { Feed } from '../repair/feed-table.js';
import type { TradeRepair } from '../repair/trade-repair.js';
import type { Capture, DataFrame, FrameEvent } from '../session/capture.js';
import type { AuditTerms } from '../session/event-filter.js';
import type { ConnectionEvents } from './connection.js';
import { Lag } from './lag.js';
import type { RecordQueue } from './record-queue.js';

/** The owner of a connection; called with the meaning of its frames. */
export type ConnectionKeeper = {
  onAnswer(id: string, frame: Frame): void;
  onData(id: string, frame: DataFrame): void;
};

/** Receives all events of the wire, in order: a tape, Redis. */
export type WireTap = {
  event(exchange: Exchange, event: WireEvent): void;
  /** The same frame as data, after `event`. */
  data?(exchange: Exchange, frame: DataFrame, content: string | FrameBytes): void;
};

type WireParts = {
  readonly clock: LocalClock;
  readonly capture: Capture;
  readonly queue: RecordQueue;
  readonly taps: readonly WireTap[];
};

type OpenedWire = { readonly id: string; readonly events: ConnectionEvents };

/**
 * Joins connections, clock and capture. Stamps every event with its arrival time, passes it to the taps, and turns it into
 * records with the code that a replay uses.
 */
export class Wire {
  /** By exchange and market, `bybit linear`. */
  readonly lags = new Map<string, Lag>();
  readonly #lagOf = new Map<Exchange, Map<string, Lag>>();
  readonly #clock: LocalClock;
  readonly #capture: Capture;
  readonly #queue: RecordQueue;
  readonly #taps: readonly WireTap[];
  readonly #keepers = new Map<string, ConnectionKeeper>();
  #connections = 0;
  /** Local time at which the run ended. */
  #ended: number | undefined;
  /** Local time (µs) of the last data frame. */
  lastData = 0;

  constructor({ clock, capture, queue, taps }: WireParts) {
    this.#clock = clock;
    this.#capture = capture;
    this.#queue = queue;
    this.#taps = taps;
  }

  /** Numbers a connection within the run; returns its id and its callbacks. */
  open(exchange: Exchange, url: string, keeper: ConnectionKeeper): OpenedWire {
    this.#connections += 1;
    const connection = String(this.#connections);
    const id = `${exchange.id} ${connection}`;
    const at = () => this.#clock.now();
    const events: ConnectionEvents = {
      opened: () => {
        this.#keepers.set(id, keeper);
        this.#apply(exchange, { kind: 'connect', at: at(), connection, url });
      },
      sent: (text) => this.#apply(exchange, { kind: 'sent', at: at(), connection, text }),
      frame: (frame) => {
        if (this.#ended === undefined) this.#apply(exchange, { kind: 'frame', at: at(), connection, content: frameBytes(frame) });
      },
      closed: (code) => {
        this.#apply(exchange, { kind: 'close', at: at(), connection, code });
        this.#keepers.delete(id);
      },
    };
    return { id, events };
  }

  /** Handles an answer over HTTP. */
  answer(exchange: Exchange, url: string, status: number, body: string): void {
    this.#apply(exchange, { kind: 'http', at: this.#clock.now(), url, status, body });
  }

  /** Advances the time of the capture. Without it, clock records and held-back books would wait for the next frame. */
  tick(): void {
    if (this.#ended !== undefined) return;
    this.#queue.push(this.#capture.advance(this.#clock.now()));
    if (this.#queue.length <= this.#queue.limit / 2) this.repair((repair, at) => repair.unblock(at));
  }

  /** Calls the repair with the current time and queues the records that result; undefined without a repair. */
  repair<Result>(take: (repair: TradeRepair, at: number) => Result): Result | undefined {
    const capture = this.#capture;
    if (!capture.repair || this.#ended !== undefined) return undefined;
    const at = this.#clock.now();
    this.#queue.push(capture.advance(at));
    const result = take(capture.repair, at);
    this.#queue.push(capture.repaired());
    return result;
  }

  /** Registers that a feed is mute on its open connection. */
  muted(feed: Feed): void {
    if (this.#ended !== undefined) return;
    this.#queue.push(this.#capture.advance(this.#clock.now()));
    this.#capture.muted(feed);
    this.#queue.push(this.#capture.repaired());
  }

  /** Returns up to `most` trade feeds that are due for an audit. */
  dueAudits(most: number): Feed[] {
    return this.#ended === undefined ? this.#capture.dueAudits(most) : [];
  }

  /** Returns the trade feeds that are delivered. */
  deliveredTrades(): Feed[] {
    return this.#capture.deliveredTrades();
  }

  /** Returns the trade feeds with a silence that nothing has proven. */
  unprovenFeeds(): Feed[] {
    this.tick();
    return this.#capture.unprovenFeeds();
  }

  /** Audits a feed, as `Capture.audit`. */
  audit(feed: Feed, listed: readonly Trade[], terms: AuditTerms): boolean {
    if (this.#ended !== undefined) return false;
    this.#queue.push(this.#capture.advance(this.#clock.now()));
    const isMute = this.#capture.audit(feed, listed, terms);
    this.#queue.push(this.#capture.repaired());
    return isMute;
  }

  /** Ignores further frames: connections that close from now on are no losses. */
  end(): void {
    if (this.#ended !== undefined) return;
    this.tick();
    this.#ended = this.#clock.now();
  }

  /** Emits what the capture still holds back. A loss before the end is a gap even when nothing arrived after it. */
  finish(): void {
    this.#queue.finish(this.#capture.finish(this.#ended));
  }

  #delivered(exchange: Exchange, id: string, frame: DataFrame, { at, content }: FrameEvent): void {
    this.#keepers.get(id)?.onData(id, frame);
    this.lastData = at;
    if (frame.pushTimestamp !== undefined && !frame.history) this.#lag(exchange, frame).add(at - frame.pushTimestamp, at);
    for (const tap of this.#taps) tap.data?.(exchange, frame, content);
  }

  #apply(exchange: Exchange, event: WireEvent): void {
    for (const tap of this.#taps) tap.event(exchange, event);
    const records = this.#capture.apply(exchange, event, {
      answered: (id, frame) => this.#keepers.get(id)?.onAnswer(id, frame),
      delivered: (id, frame, source) => this.#delivered(exchange, id, frame, source),
    });
    if (records.length > 0) this.#queue.push(records);
  }

  #lag(exchange: Exchange, { market }: DataFrame): Lag {
    const known = this.#lagOf.get(exchange)?.get(market);
    if (known) return known;
    const lag = new Lag();
    const ofExchange = this.#lagOf.get(exchange) ?? new Map<string, Lag>();
    this.#lagOf.set(exchange, ofExchange.set(market, lag));
    this.lags.set(`${exchange.id} ${market}`, lag);
    return lag;
  }
}

/** Milliseconds that the steady clock may lag behind the wall clock before it follows. */
const TOLERANCE = 5;

/**
 * Local arrival time in microseconds: the wall clock with the resolution of the steady one. When the system clock is set
 * back, arrival times would repeat: this clock continues steadily. When it is set forward, this clock follows.
 */
export class LocalClock {
  readonly #wall: () => number;
  readonly #steady: () => number;
  #origin: number;
  #last = 0;

  /** Both clocks return milliseconds. */
  constructor(wall: () => number = Date.now, steady: () => number = () => performance.now()) {
    this.#wall = wall;
    this.#steady = steady;
    this.#origin = wall() - steady();
  }

  now(): number {
    const steady = this.#steady();
    const wall = this.#wall();
    if (wall - (this.#origin + steady) > TOLERANCE) this.#origin = wall - steady;
    this.#last = Math.max(this.#last, Math.round((this.#origin + steady) * 1000));
    return this.#last;
  }
}
