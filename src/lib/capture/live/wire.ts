import type { Exchange, Frame } from '../../exchanges/exchange.js';
import { type FrameBytes, frameBytes, type WireEvent } from '../../tape/tape.js';
import type { TradeRepair } from '../repair/trade-repair.js';
import type { Capture, DataFrame, FrameEvent } from '../session/capture.js';
import type { ConnectionEvents } from './connection.js';
import { Lag } from './lag.js';
import type { LocalClock } from './local-clock.js';
import type { RecordQueue } from './record-queue.js';

/** Who keeps a connection: told what its frames say. */
export type ConnectionKeeper = {
  answered(id: string, frame: Frame): void;
  delivered(id: string, frame: DataFrame): void;
};

/** Takes everything that happens on the wire, in order: a tape, Redis. */
export type WireTap = {
  event(exchange: Exchange, event: WireEvent): void;
  /** The same frame as data, after `event`. */
  data?(exchange: Exchange, frame: DataFrame, content: string | FrameBytes): void;
};

export type WireParts = {
  readonly clock: LocalClock;
  readonly capture: Capture;
  readonly queue: RecordQueue;
  readonly taps: readonly WireTap[];
};

export type OpenedWire = { readonly id: string; readonly events: ConnectionEvents };

/**
 * Where connections, time and the capture meet: every event is stamped with its arrival, recorded, and turned into
 * records, by the same code that a replay runs through.
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
  /** Local time at which the run was ended. */
  #ended: number | undefined;
  /** Local time (µs) of the last data frame. */
  lastData = 0;

  constructor({ clock, capture, queue, taps }: WireParts) {
    this.#clock = clock;
    this.#capture = capture;
    this.#queue = queue;
    this.#taps = taps;
  }

  /** Gives a connection its number within the run, and what its link tells of it. */
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

  /** Takes note of an answer over HTTP. */
  answer(exchange: Exchange, url: string, status: number, body: string): void {
    this.#apply(exchange, { kind: 'http', at: this.#clock.now(), url, status, body });
  }

  /** Lets time pass when nothing comes: seconds and withheld books come out in a silence too. */
  tick(): void {
    if (this.#ended !== undefined) return;
    this.#queue.push(this.#capture.advance(this.#clock.now()));
    if (this.#queue.length <= this.#queue.limit / 2) this.repair((repair, at) => repair.room(at));
  }

  /** Lets the repair take something at the present time, and passes on what follows; undefined where there is none. */
  repair<Result>(take: (repair: TradeRepair, at: number) => Result): Result | undefined {
    const capture = this.#capture;
    if (!capture.repair || this.#ended !== undefined) return undefined;
    const at = this.#clock.now();
    this.#queue.push(capture.advance(at));
    const result = take(capture.repair, at);
    this.#queue.push(capture.repaired());
    return result;
  }

  /** From now on frames are left alone: connections that end now were ended on purpose. */
  end(): void {
    if (this.#ended !== undefined) return;
    this.tick();
    this.#ended = this.#clock.now();
  }

  /** Gives what the capture still withholds; what was lost before the end is a hole, whether or not something came after. */
  finish(): void {
    this.#queue.finish(this.#capture.finish(this.#ended));
  }

  #delivered(exchange: Exchange, id: string, frame: DataFrame, { at, content }: FrameEvent): void {
    this.#keepers.get(id)?.delivered(id, frame);
    this.lastData = at;
    if (frame.pushTimestamp !== undefined && !frame.history) this.#lag(exchange, frame).add(at - frame.pushTimestamp);
    for (const tap of this.#taps) tap.data?.(exchange, frame, content);
  }

  #apply(exchange: Exchange, event: WireEvent): void {
    for (const tap of this.#taps) tap.event(exchange, event);
    const records = this.#capture.apply(exchange, event, {
      answered: (id, frame) => this.#keepers.get(id)?.answered(id, frame),
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
