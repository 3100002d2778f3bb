import type { RepairJob, RepairLimits, RepairPage } from '../../src/lib/capture/repair/repair-job.js';
import { TradeIntake } from '../../src/lib/capture/repair/trade-intake.js';
import { Statistics } from '../../src/lib/capture/statistics.js';
import type { AnyRecord, Gap, Trade } from '../../src/lib/model/records.js';
import { floorToSecond, SECOND } from '../../src/lib/model/time.js';

export const FEED = { exchange: 'x', market: 'linear' as const, channel: 'trade' as const, symbol: 'A' };
const START = 1_700_000_000 * SECOND;
const MS = 1_000;

/** One list that a REST interface serves: so many of the newest, `lag` old, times perhaps in whole seconds. */
export type List = { readonly size: number; readonly pageSize: number; readonly lag: number; readonly isRounded: boolean };

export type Scenario = {
  /** Milliseconds between one trade and the next. */
  readonly pauses: readonly number[];
  /** When the feed is lost and for how long, ms since the start; in order, apart. */
  readonly losses: readonly { readonly at: number; readonly lasts: number }[];
  readonly lists: readonly List[];
  /** Trades that the connection tells as it begins. */
  readonly snapshot: number;
  /** Milliseconds by which the connection is behind: what is on its way when it is lost is lost with it. */
  readonly delay: number;
  /** Milliseconds for one request; every `failsEvery`th fails. */
  readonly latency: number;
  readonly failsEvery: number;
  readonly limits: RepairLimits;
  /** Trades that are known again by their ids. */
  readonly remembered: number;
  /** Milliseconds that the run goes on after the last trade. */
  readonly rest: number;
};

export type Outcome = {
  readonly truth: readonly Trade[];
  /** What the feed delivered before anything was lost, and everything after, in the order given. */
  readonly output: readonly (Trade | Gap)[];
  readonly requests: number;
  /** Times (µs) in which the clock was kept back. */
  readonly longestHold: number;
  readonly statistics: Statistics;
};

type Request = { job: RepairJob; list: number; offset: number; isNew: boolean; ends: number };

/** Plays an exchange, a connection that loses trades and a REST interface against the intake of trades. */
export function play(scenario: Scenario): Outcome {
  return new Stage(scenario).play();
}

class Stage {
  readonly #scenario: Scenario;
  readonly #truth: Trade[];
  readonly #output: (Trade | Gap)[] = [];
  readonly #statistics = new Statistics();
  readonly #intake: TradeIntake;
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
    this.#intake = new TradeIntake({
      limits: scenario.limits,
      remembered: scenario.remembered,
      statistics: this.#statistics,
      time: () => this.#now,
      emit: (record, records) => push(Object.assign(record, { localTimestamp: this.#now }), records),
      pass: push,
    });
  }

  play(): Outcome {
    const end = (this.#truth.at(-1)?.timestamp ?? START) + this.#scenario.rest * MS;
    for (; this.#now <= end; this.#now += 10 * MS) this.#step();
    this.#now -= 10 * MS;
    this.#intake.repair?.finish(this.#now + 1);
    this.#flush();
    const { longestHold, requests } = { longestHold: this.#longestHold, requests: this.#requests };
    return { truth: this.#arrived(), output: this.#output, requests, longestHold, statistics: this.#statistics };
  }

  #step(): void {
    this.#connect();
    this.#deliver();
    this.#intake.repair?.advance(this.#now);
    this.#flush();
    this.#fetch();
    const isHeld = this.#intake.holdsClock('x linear');
    this.#heldSince = isHeld ? (this.#heldSince ?? this.#now) : undefined;
    if (this.#heldSince !== undefined) this.#longestHold = Math.max(this.#longestHold, this.#now - this.#heldSince);
  }

  #connect(): void {
    const at = (this.#now - START) / MS;
    const isLost = this.#scenario.losses.some((loss) => at >= loss.at && at < loss.at + loss.lasts);
    if (isLost && this.#isConnected) this.#intake.lost({ ...FEED, last: this.#last }, 'disconnect', this.#now);
    if (!isLost && !this.#isConnected) {
      const past = this.#arrived();
      const told = past.slice(Math.max(0, past.length - this.#scenario.snapshot)).map((trade) => ({ ...trade }));
      this.#sent = past.length;
      this.#intake.back(FEED, this.#now);
      this.#intake.snapshot(FEED, told, this.#now);
    }
    this.#isConnected = !isLost;
    this.#flush();
  }

  #deliver(): void {
    const arrived = this.#arrived().length;
    for (; this.#isConnected && this.#sent < arrived; this.#sent++) {
      const trade = { ...(this.#truth[this.#sent] as Trade) };
      this.#last = trade.timestamp;
      if (!this.#intake.isNew(trade)) continue;
      if (this.#intake.hold(FEED, trade, this.#now)) this.#flush();
      else this.#output.push(Object.assign(trade, { localTimestamp: this.#now }));
    }
  }

  #fetch(): void {
    const { repair } = this.#intake;
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
    const isWanted = this.#intake.repair?.page(request.job, page, request.isNew);
    this.#flush();
    const ends = this.#now + this.#scenario.latency * MS;
    const list = this.#scenario.lists[request.list] as List;
    if (isWanted && !isLast) this.#request = { ...request, offset: request.offset + list.pageSize, isNew: false, ends };
    else if (isWanted && request.list + 1 < this.#scenario.lists.length)
      this.#request = { ...request, list: request.list + 1, offset: 0, isNew: true, ends };
    else this.#end(false);
  }

  #end(isFailed: boolean): void {
    if (this.#request) this.#intake.repair?.ended(this.#request.job, isFailed, this.#now);
    this.#request = undefined;
    this.#flush();
  }

  /** A page of a list that descends from its newest; what it covers ends where its oldest row is. */
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
    return { page: { records, covered }, isLast: offset + list.pageSize >= served.length || oldest < job.from };
  }

  /** What the connection has told by now, or would have. */
  #arrived(): Trade[] {
    return this.#truth.filter(({ timestamp }) => timestamp <= this.#now - this.#scenario.delay * MS);
  }

  #flush(): void {
    const records: AnyRecord[] = [];
    this.#intake.flush(records);
    this.#output.push(...(records as (Trade | Gap)[]));
  }
}
