import type { RepairJob, RepairLimits, RepairPage } from '../../src/lib/capture/repair/repair-job.js';
import { TradeFilter } from '../../src/lib/capture/repair/trade-filter.js';
import { Statistics } from '../../src/lib/capture/statistics.js';
import type { AnyRecord, Gap, Trade } from '../../src/lib/model/records.js';
import { floorToSecond, SECOND } from '../../src/lib/model/time.js';

export const FEED = { exchange: 'x', market: 'linear' as const, channel: 'trade' as const, symbol: 'A' };
const START = 1_700_000_000 * SECOND;
const MS = 1_000;

/** A REST list that serves the newest `size` trades, `lag` microseconds late, times in whole seconds where `isRounded`. */
export type List = { readonly size: number; readonly pageSize: number; readonly lag: number; readonly isRounded: boolean };

export type Scenario = {
  /** Milliseconds between one trade and the next. */
  readonly pauses: readonly number[];
  /** When the feed is lost and for how long, ms since the start; in order, apart. */
  readonly losses: readonly { readonly at: number; readonly lasts: number }[];
  readonly lists: readonly List[];
  /** Trades in the snapshot that a connection sends on subscribing. */
  readonly snapshot: number;
  /** Milliseconds by which the connection is behind: trades on their way are lost with it. */
  readonly delay: number;
  /** Milliseconds for one request; every `failsEvery`th fails. */
  readonly latency: number;
  readonly failsEvery: number;
  readonly limits: RepairLimits;
  /** Trade ids that the filter remembers. */
  readonly remembered: number;
  /** Milliseconds that the run goes on after the last trade. */
  readonly rest: number;
};

export type Outcome = {
  readonly truth: readonly Trade[];
  /** The emitted records in their order. */
  readonly output: readonly (Trade | Gap)[];
  readonly requests: number;
  /** Longest time (µs) for which the clock was held back. */
  readonly longestHold: number;
  readonly statistics: Statistics;
};

type Request = { job: RepairJob; list: number; offset: number; isNew: boolean; ends: number };

/** Plays an exchange, a connection that loses trades and a REST interface against the filter of trades. */
export function play(scenario: Scenario): Outcome {
  return new Stage(scenario).play();
}

class Stage {
  readonly #scenario: Scenario;
  readonly #truth: Trade[];
  readonly #output: (Trade | Gap)[] = [];
  readonly #statistics = new Statistics();
  readonly #filter: TradeFilter;
  #now = START;
  #isConnected = true;
  #sent = 0;
  #last = START;
  #request: Request | undefined;
  #requests = 0;
  #heldSince: number | undefined;
  #longestHold = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    let time = START;
    this.#truth = scenario.pauses.map((pause, index) => {
      time += pause * MS;
      const id = String(1_000 + index);
      return { type: 'trade', ...FEED, timestamp: time, id, sequence: id, price: 1, amount: 1, side: 'buy' };
    });
    const push = (record: AnyRecord, records: AnyRecord[]) => {
      this.#statistics.count(record);
      records.push(record);
    };
    this.#filter = new TradeFilter({
      limits: scenario.limits,
      remembered: scenario.remembered,
      statistics: this.#statistics,
      time: () => this.#now,
      emit: (record, records) => push(Object.assign(record, { localTimestamp: this.#now }), records),
      emitFetched: push,
    });
  }

  play(): Outcome {
    const end = (this.#truth.at(-1)?.timestamp ?? START) + this.#scenario.rest * MS;
    for (; this.#now <= end; this.#now += 10 * MS) this.#step();
    this.#now -= 10 * MS;
    this.#filter.repair?.finish(this.#now + 1);
    this.#flush();
    const { longestHold, requests } = { longestHold: this.#longestHold, requests: this.#requests };
    return { truth: this.#arrived(), output: this.#output, requests, longestHold, statistics: this.#statistics };
  }

  #step(): void {
    this.#connect();
    this.#deliver();
    this.#filter.repair?.advance(this.#now);
    this.#flush();
    this.#fetch();
    const isHeld = this.#filter.holdsClock('x linear');
    this.#heldSince = isHeld ? (this.#heldSince ?? this.#now) : undefined;
    if (this.#heldSince !== undefined) this.#longestHold = Math.max(this.#longestHold, this.#now - this.#heldSince);
  }

  #connect(): void {
    const at = (this.#now - START) / MS;
    const isLost = this.#scenario.losses.some((loss) => at >= loss.at && at < loss.at + loss.lasts);
    if (isLost && this.#isConnected) this.#filter.lost({ ...FEED, lastKnown: this.#last }, 'disconnect', this.#now);
    if (!isLost && !this.#isConnected) {
      const past = this.#arrived();
      const snapshot = past.slice(Math.max(0, past.length - this.#scenario.snapshot)).map((trade) => ({ ...trade }));
      this.#sent = past.length;
      this.#filter.returned(FEED, this.#now);
      this.#filter.addSnapshot(FEED, snapshot, this.#now);
    }
    this.#isConnected = !isLost;
    this.#flush();
  }

  #deliver(): void {
    const arrived = this.#arrived().length;
    for (; this.#isConnected && this.#sent < arrived; this.#sent++) {
      const trade = { ...(this.#truth[this.#sent] as Trade) };
      this.#last = trade.timestamp;
      if (!this.#filter.isNew(trade)) continue;
      if (this.#filter.hold(FEED, trade, this.#now)) this.#flush();
      else this.#output.push(Object.assign(trade, { localTimestamp: this.#now }));
    }
  }

  #fetch(): void {
    const { repair } = this.#filter;
    const { latency, failsEvery } = this.#scenario;
    const request = this.#request;
    if (request && request.ends > this.#now) return;
    if (request) {
      this.#requests += 1;
      if (this.#requests % failsEvery === 0) this.#end(true);
      else this.#answer(request);
    }
    const [job] = this.#request ? [] : (repair?.jobs(this.#now, 1) ?? []);
    if (job) this.#request = { job, list: 0, offset: 0, isNew: true, ends: this.#now + latency * MS };
  }

  #answer(request: Request): void {
    const { page, isLast } = this.#page(request);
    const isWanted = this.#filter.repair?.takePage(request.job, page, request.isNew);
    this.#flush();
    const ends = this.#now + this.#scenario.latency * MS;
    const list = this.#scenario.lists[request.list] as List;
    if (isWanted && !isLast) this.#request = { ...request, offset: request.offset + list.pageSize, isNew: false, ends };
    else if (isWanted && request.list + 1 < this.#scenario.lists.length)
      this.#request = { ...request, list: request.list + 1, offset: 0, isNew: true, ends };
    else this.#end(false);
  }

  #end(isFailed: boolean): void {
    if (this.#request) this.#filter.repair?.jobEnded(this.#request.job, isFailed, this.#now);
    this.#request = undefined;
    this.#flush();
  }

  /** Returns a page of a list, newest first; the page covers the time from its oldest row on. */
  #page({ job, list: index, offset }: Request): { page: RepairPage; isLast: boolean } {
    const list = this.#scenario.lists[index] as List;
    const known = this.#truth.filter(({ timestamp }) => timestamp <= this.#now - list.lag * MS);
    const served = known.slice(Math.max(0, known.length - list.size));
    const rows = served.slice(Math.max(0, served.length - offset - list.pageSize), served.length - offset);
    const records = rows
      .map((trade) => ({ ...trade, timestamp: list.isRounded ? floorToSecond(trade.timestamp) : trade.timestamp }))
      .filter(({ timestamp }) => timestamp >= job.from && timestamp < job.until);
    const oldest = rows[0] ? (list.isRounded ? floorToSecond(rows[0].timestamp) : rows[0].timestamp) : job.until;
    const isAll = served.length === known.length && offset + rows.length >= served.length;
    const covered = { from: isAll || oldest < job.from ? job.from : oldest, until: job.until };
    const isEnd = offset + list.pageSize >= served.length;
    const isExhausted = isEnd && served.length === list.size && index + 1 === this.#scenario.lists.length;
    const page = { records, covered, isEmpty: rows.length === 0, isExhausted };
    return { page, isLast: isEnd || oldest < job.from };
  }

  /** Returns the trades that a connection has delivered by now, or would have. */
  #arrived(): Trade[] {
    return this.#truth.filter(({ timestamp }) => timestamp <= this.#now - this.#scenario.delay * MS);
  }

  #flush(): void {
    const records: AnyRecord[] = [];
    this.#filter.flush(records);
    this.#output.push(...(records as (Trade | Gap)[]));
  }
}
