import type { Market, RecordOf } from '../model/records.js';
import { DAY, floorToSecond, SECOND } from '../model/time.js';
import { CarriedState } from './carried-state.js';
import { INPUT_NAMES } from './inputs.js';
import type { OpenGaps } from './open-gaps.js';
import { PendingSeconds } from './pending-seconds.js';
import type { SecondInput, SecondInputs, TradedSecond } from './second-inputs.js';

/** One row per symbol and second. */
export type MicroRow = RecordOf<'micro'>;

export type SymbolIdentity = { readonly exchange: string; readonly market: Market; readonly symbol: string };

/** A longer silence has no rows: one series ends and another begins. */
const LONGEST_SILENCE = DAY;

/**
 * The seconds of one symbol. The values of a second follow from the records with a time in it or before it, in order of
 * time. `close` alone decides when it is emitted.
 */
export class MicroSeries {
  readonly #identity: SymbolIdentity;
  readonly #openGaps: OpenGaps;
  #state = new CarriedState();
  readonly #pending = new PendingSeconds();
  /** The second of the input before, most often that of the next one, while it has no row; and its start. */
  #current: SecondInputs | undefined;
  #latest = 0;
  /** Start of the next second to emit, undefined before the first. */
  #next: number | undefined;
  /** Start of the earliest and the latest second with a record. */
  #first = Number.POSITIVE_INFINITY;
  #last = 0;
  #localTimestamp = 0;

  constructor(identity: SymbolIdentity, openGaps: OpenGaps) {
    this.#identity = identity;
    this.#openGaps = openGaps;
  }

  /** Returns the end of the next second to emit, Infinity while there is none. */
  get nextEnd(): number {
    return (this.#next ?? this.#first) + SECOND;
  }

  /** Returns the end of the last second with a record. */
  get lastEnd(): number {
    return this.#last + SECOND;
  }

  /** Returns whether the input arrived before its second was emitted. */
  add(input: SecondInput): boolean {
    const away = input.timestamp - this.#latest;
    if (away >= 0 && away < SECOND && this.#current) {
      this.#current.add(input);
      return true;
    }
    const second = floorToSecond(input.timestamp);
    if (this.#next !== undefined && second < this.#next) {
      this.#state.takeLate(input);
      return false;
    }
    let inputs = this.#pending.find(second);
    if (inputs === undefined) {
      inputs = this.#pending.begin(second);
      if (second < this.#first) this.#first = second;
      if (second > this.#last) this.#last = second;
    }
    this.#latest = second;
    this.#current = inputs;
    inputs.add(input);
    return true;
  }

  /** Resumes after an earlier row. */
  resume(row: MicroRow): void {
    this.#state.resume(row);
    this.#localTimestamp = row.localTimestamp ?? 0;
    if (this.#pending.first === undefined) this.#next = row.timestamp;
  }

  /** Adds an input of a second whose row exists already: later rows carry it forward. */
  prime(input: SecondInput): void {
    this.#state.takeLate(input);
  }

  /** Returns the next row of the seconds that end by `until`, undefined after the last one. */
  next(until: number): MicroRow | undefined {
    if (this.#next === undefined && this.#first + SECOND <= until) this.#next = this.#first;
    // The row before a silence may be one of an earlier run: the first second of the silence would get a row here, and none in one run.
    this.#skipSilence(until);
    const second = this.#next;
    if (second === undefined || second + SECOND > until) return undefined;
    const row = this.#row(second);
    this.#next = second + SECOND;
    this.#skipSilence(until);
    return row;
  }

  /** Nothing arrived for a day: the next record starts a new series. */
  #end(): void {
    this.#next = undefined;
    this.#first = Number.POSITIVE_INFINITY;
    this.#forget();
  }

  #forget(): void {
    this.#state = new CarriedState();
    this.#localTimestamp = 0;
  }

  /** Passes over the seconds of a silence that is longer than a day. */
  #skipSilence(until: number): void {
    const next = this.#next;
    if (next === undefined || until - next <= LONGEST_SILENCE) return;
    if (next > this.#last) this.#end();
    const following = this.#pending.first;
    if (following === undefined || following - next <= LONGEST_SILENCE) return;
    this.#next = following;
    this.#forget();
  }

  #row(second: number): MicroRow {
    const end = second + SECOND;
    const inputs = this.#pending.take(second);
    if (second === this.#latest) this.#current = undefined;
    this.#openGaps.advance(end);
    const flow = inputs ? this.#state.take(inputs) : 0;
    if (inputs && inputs.localTimestamp > this.#localTimestamp) this.#localTimestamp = inputs.localTimestamp;
    const traded = inputs?.traded();
    if (traded) this.#state.last = traded.close;
    else if (this.#openGaps.until('trade') > second) this.#state.last = undefined;
    return this.#columns(end, traded, flow);
  }

  /** Every property is written out: spreads would make each row a slow object. */
  #columns(end: number, traded: TradedSecond | undefined, flow: number | undefined): MicroRow {
    const { buyVolume, sellVolume, delta } = traded ? (traded.volumes ?? NO_SIDES) : NOTHING_TRADED;
    const { exchange, market, symbol } = this.#identity;
    const state = this.#state;
    const { bid, bidAmount, ask, askAmount, mid, spreadBps, microprice, imbalance } = state.quotes(end);
    const mark = state.mark(end);
    const complete = this.#openGaps.lastUntil(INPUT_NAMES) <= end - SECOND;
    return {
      type: 'micro',
      exchange,
      market,
      symbol,
      timestamp: end,
      localTimestamp:
        (complete ? this.#localTimestamp : Math.max(this.#localTimestamp, this.#openGaps.known(INPUT_NAMES))) || undefined,
      open: traded?.open,
      high: traded?.high,
      low: traded?.low,
      close: state.last,
      buyVolume,
      sellVolume,
      delta,
      trades: traded?.trades ?? 0,
      bid,
      bidAmount,
      ask,
      askAmount,
      mid,
      spreadBps,
      imbalance,
      microprice,
      ofi: state.hasBook(end) ? flow : undefined,
      mark: mark?.mark,
      index: mark?.index,
      openInterest: state.openInterest(end),
      fundingRate: state.fundingRate(end),
      complete,
      bookTimestamp: state.bookTimestamp,
      markTimestamp: state.markTimestamp,
    };
  }
}

const NOTHING_TRADED = { buyVolume: 0, sellVolume: 0, delta: 0 };
const NO_SIDES = { buyVolume: undefined, sellVolume: undefined, delta: undefined };
