import type { AccountFamily, Outcome, PrivateFrame, PrivateOrder } from '../exchanges/private-side.js';
import type { AnyRecord, EventRecord } from '../model/records.js';
import { Backoff } from '../transport/backoff.js';
import { AttemptError } from '../transport/failure.js';
import type { openSocket } from '../transport/socket.js';
import { SYSTEM_TIMING, type Timing } from '../transport/timing.js';
import { type AccountClient, AccountError } from './client.js';
import { PrivateConnection } from './connection.js';
import { balanceRecord, eventRecord, fillRecord, orderRecord, positionRecord, type RecordOwner } from './records.js';
import { type AccountFacts, type AccountPart, lookUpOrder, readSnapshot } from './snapshot.js';
import { AccountState, type Changes, type Difference, isOpen } from './state.js';

type LiveOptions = {
  readonly client: AccountClient;
  readonly facts: AccountFacts;
  readonly owner: RecordOwner;
  readonly parts: readonly AccountPart[];
  /** Microseconds: fills since then are part of the first snapshot. */
  readonly since: number;
  /** Milliseconds between two checks over REST. */
  readonly checkEvery: number;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly timing?: Timing | undefined;
  /** Called with events and with rows that could not be read, one line each. */
  readonly onEvent?: ((event: EventRecord) => void) | undefined;
  readonly onRejected?: ((reason: string) => void) | undefined;
  /** Replaces the connection; tests do. */
  readonly connect?: typeof openSocket | undefined;
};

const TICK = 250;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** Fills of a burst make one read of positions. */
const AFTER_FILL = 300;
/** A read that leaves something open is done again. */
const SOON = 1_000;
/** Fills are asked for again from this long before the last read, microseconds: lists run behind. */
const OVERLAP = 60_000_000;
const FATAL = new Set<Outcome['class']>(['key', 'region']);

/**
 * One account as it changes: a snapshot, then pushes, a snapshot again after each reconnect, and REST as a check meanwhile. It
 * only reads.
 */
export class LiveAccount {
  readonly state = new AccountState();
  /** Prices of symbols with orders and without a position, by symbol. */
  readonly prices = new Map<string, number>();
  readonly #options: LiveOptions;
  readonly #timing: Timing;
  #queue: AnyRecord[] = [];
  #wake = () => {};
  #failure: unknown;
  #connection: PrivateConnection | undefined;
  #reading: Promise<void> | undefined;
  #readAt = Number.POSITIVE_INFINITY;
  #checked = Number.NEGATIVE_INFINITY;
  #filledSince: number;
  /** Refused subscriptions that were reported. */
  readonly #refusals = new Set<string>();
  #last = 0;
  #seq = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#timing = options.timing ?? SYSTEM_TIMING;
    this.#filledSince = options.since;
  }

  /** Whether pushes arrive. */
  get isLive(): boolean {
    return this.#connection?.isIn === true && this.#connection.ended === undefined;
  }

  /** Yields records as they arise, until the signal. Throws an `AccountError` when the key is refused. */
  async *updates(): AsyncGenerator<AnyRecord[]> {
    const { signal } = this.#options;
    const running = this.#run().catch((error) => {
      this.#failure = error;
      this.#wake();
    });
    try {
      while (!signal.aborted || this.#queue.length > 0) {
        if (this.#queue.length > 0) {
          const records = this.#queue;
          this.#queue = [];
          yield records;
        } else if (this.#failure !== undefined) throw this.#failure;
        else await this.#more(signal);
      }
      if (this.#failure !== undefined) throw this.#failure;
    } finally {
      this.#connection?.terminate();
      await running;
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#options;
    const backoff = new Backoff({ first: FIRST_PAUSE, longest: LONGEST_PAUSE, random: this.#timing.random });
    for (let attempts = 0; !signal.aborted; attempts++) {
      try {
        const { client, facts, userAgent, connect } = this.#options;
        const { family } = facts;
        const connection = new PrivateConnection({ client, family, userAgent, signal, timing: this.#timing, connect });
        this.#connection = connection;
        await connection.open((frame) => this.#receive(frame, connection));
        await this.#readAll('snapshot');
        if (attempts > 0) this.#event('routine', 'reconnected', 'the private connection is back; the account was read again');
        backoff.reset();
        await this.#keep(connection);
        if (!signal.aborted) this.#event('warning', 'disconnected', `the private connection ended: ${connection.ended}`);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof AccountError ? FATAL.has(error.outcome.class) || attempts === 0 : !(error instanceof AttemptError))
          throw error;
        this.#event('warning', 'disconnected', (error as Error).message);
      }
      this.#connection?.terminate();
      await this.#timing.sleep(backoff.next(), signal);
    }
  }

  /** Keeps a connection until it ends: heartbeats, checks, reads after fills. */
  async #keep(connection: PrivateConnection): Promise<void> {
    const { signal, checkEvery } = this.#options;
    while (connection.ended === undefined && !signal.aborted) {
      connection.beat();
      const now = this.#timing.now();
      if (now - this.#checked >= checkEvery) this.#read('check');
      else if (now >= this.#readAt) this.#read('refresh');
      if (this.#failure !== undefined) return;
      await this.#timing.sleep(TICK, signal);
    }
    await this.#reading;
  }

  #receive(frame: PrivateFrame, connection: PrivateConnection): void {
    if (frame.kind === 'rejected') this.#options.onRejected?.(frame.reason);
    if (frame.kind === 'refused' && connection.isIn) this.#refused(frame.outcome, connection);
    if (frame.kind !== 'data') return;
    for (const reason of frame.rejected) this.#options.onRejected?.(reason);
    const changes = this.state.push(frame, this.#timing.now());
    this.#emit(changes, frame.time);
    // A push says little of what follows from it: a closed position may vanish without one, a fill may be lost.
    if (frame.fills.length > 0 || frame.orders.length > 0) this.#readWithin(AFTER_FILL);
  }

  /** A product that the account does not have is refused each time: connecting again would go on for ever. REST shows the rest. */
  #refused({ class: kind, message }: Outcome, connection: PrivateConnection): void {
    if (kind !== 'definite') connection.ended ??= message;
    if (kind === 'definite' && this.#refusals.has(message)) return;
    this.#refusals.add(message);
    this.#event('warning', 'refused', `${message}${kind === 'definite' ? '; what it would push is read over REST' : ''}`);
  }

  /** Starts a read unless one is running; what fails for good ends the run. */
  #read(purpose: 'check' | 'refresh'): void {
    if (this.#reading) return;
    this.#reading = this.#readAll(purpose)
      .catch((error) => {
        if (error instanceof AccountError && FATAL.has(error.outcome.class)) {
          this.#failure = error;
          this.#wake();
        } else if (!this.#options.signal.aborted) this.#event('warning', 'check_failed', (error as Error).message);
      })
      .finally(() => {
        this.#reading = undefined;
      });
  }

  async #readAll(purpose: 'snapshot' | 'check' | 'refresh'): Promise<void> {
    const { client, facts, parts } = this.#options;
    this.#readAt = Number.POSITIVE_INFINITY;
    if (purpose !== 'refresh') this.#checked = this.#timing.now();
    const asked = this.state.revision;
    const from = Math.round(client.now() * 1_000);
    // A list of many pages must not hold up what the others say.
    const readPart = async (part: AccountPart) => {
      const snapshot = await readSnapshot(client, facts, [part], this.#filledSince);
      for (const reason of snapshot.rejected) this.#options.onRejected?.(reason);
      const { changes, differences, missing } = this.state.apply(snapshot, asked, this.#timing.now());
      this.#emit(changes, snapshot.time);
      if (purpose === 'check') this.#report(differences);
      for (const order of missing) await this.#lookUp(order, facts.family);
    };
    // A part that goes on after another has failed could undo what the next read finds.
    const failed = (await Promise.allSettled(parts.map(readPart))).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    this.#filledSince = Math.max(this.#filledSince, from - OVERLAP);
    await this.#readPrices();
    if (this.state.revision !== asked) this.#readWithin(SOON);
  }

  /** Asks what became of an order that the open list does not have any more. */
  async #lookUp(order: PrivateOrder, family: AccountFamily): Promise<void> {
    const found = await lookUpOrder(this.#options.client, family, order);
    if (found) {
      if (this.state.settle(found, this.#timing.now())) this.#emitOrder(found);
      // A detail that is behind shows an ended order as open, so the list is asked again.
      if (isOpen(found)) this.#readWithin(SOON);
    } else if (this.state.forget(order, this.#timing.now())) {
      this.#emitOrder({ ...order, status: 'unknown' });
      const { market, symbol, orderId, clientId } = order;
      const message = `order ${orderId ?? clientId} of ${symbol} is in no list of the exchange`;
      this.#event('warning', 'order_lost', message, { symbol, market });
    } else this.#readWithin(SOON);
  }

  #emitOrder(order: PrivateOrder): void {
    this.#emit({ balances: [], positions: [], fills: [], orders: [order] }, undefined);
  }

  #readWithin(milliseconds: number): void {
    this.#readAt = Math.min(this.#readAt, this.#timing.now() + milliseconds);
  }

  async #readPrices(): Promise<void> {
    const held = new Set(this.state.positions.map(({ symbol }) => symbol));
    const wanted = new Map(this.state.orders.filter(({ symbol }) => !held.has(symbol)).map((order) => [order.symbol, order]));
    for (const { market, symbol } of wanted.values()) {
      const price = await this.#options.client.lastPrice(market, symbol);
      if (price !== undefined) this.prices.set(symbol, price);
    }
  }

  #report(differences: readonly Difference[]): void {
    for (const { what, known, found } of differences)
      this.#event('warning', 'difference', `${what}: pushes said ${known}, REST says ${found}`, { data: { what, known, found } });
  }

  #emit({ balances, positions, orders, fills }: Changes, time: number | undefined): void {
    const { owner, parts } = this.#options;
    const arrival = () => {
      const localTimestamp = this.#arrival();
      return { localTimestamp, timestamp: time ?? localTimestamp };
    };
    const records: AnyRecord[] = [
      ...(parts.includes('orders') ? orders.map((order) => orderRecord(order, owner, this.#arrival())) : []),
      ...(parts.includes('fills') ? fills.map((fill) => fillRecord(fill, owner, this.#arrival())) : []),
      ...(parts.includes('positions') ? positions.map((position) => positionRecord(position, owner, arrival())) : []),
      ...(parts.includes('balances') ? balances.map((balance) => balanceRecord(balance, owner, arrival())) : []),
    ];
    this.#push(records);
  }

  #event(
    severity: EventRecord['severity'],
    kind: string,
    message: string,
    more: Partial<Pick<EventRecord, 'market' | 'symbol' | 'data'>> = {},
  ): void {
    const localTimestamp = this.#arrival();
    const event = eventRecord({ severity, kind, message, ...more }, this.#options.owner, {
      seq: this.#seq++,
      timestamp: localTimestamp,
      localTimestamp,
    });
    this.#options.onEvent?.(event);
    this.#push([event]);
  }

  #push(records: readonly AnyRecord[]): void {
    if (records.length === 0) return;
    this.#queue.push(...records);
    this.#wake();
  }

  /** Arrival in microseconds of the exchange's clock, strictly increasing. */
  #arrival(): number {
    this.#last = Math.max(this.#last + 1, Math.round(this.#options.client.now() * 1_000));
    return this.#last;
  }
}
