import type { Trade } from '../../model/records.js';
import { seriesKey } from '../../model/series.js';
import { DAY, floorToSecond, SECOND } from '../../model/time.js';
import { Attempts } from './attempts.js';
import type { Chain, Hole } from './hole.js';
import type { KnownTrades } from './known-trades.js';
import type { RepairJob, RepairLimits, RepairPage } from './repair-job.js';

/** A thin symbol's last trade may lie days back; where the newest page reaches it, nothing is missing. */
const FARTHEST = 7 * DAY;

/** One hole that is being repaired: whether its feed is there again, and what was asked of the exchange. */
export class OpenRepair {
  readonly key: string;
  readonly hole: Hole;
  readonly known: KnownTrades;
  /** Local time of the loss. */
  readonly since: number;
  isCarried = false;
  /** The outputs are full: what comes is dropped. */
  isBlocked = false;
  /** Local time since which all that happens comes live, undefined while it does not. */
  #back: number | undefined;
  #job: RepairJob | undefined;
  #chain: Chain | undefined;
  #attempts: Attempts;

  constructor(hole: Hole, known: KnownTrades, since: number) {
    this.key = seriesKey(hole.feed);
    this.hole = hole;
    this.known = known;
    this.since = since;
    this.#attempts = new Attempts(since);
  }

  get back(): number | undefined {
    return this.#back;
  }

  /** The feed was lost again. */
  lost(): void {
    this.hole.lostAgain();
    this.isCarried = false;
    this.#back = undefined;
  }

  /** All that happens comes live again. */
  returned(at: number): void {
    this.#back = at;
    this.#attempts = new Attempts(at);
  }

  /** Something was learned that makes an answer worth while. */
  hurry(at: number): void {
    this.#attempts.hurry(at);
  }

  /** Returns what is to be fetched now, if anything; `until` is the exchange's time, `most` how far back. */
  nextJob(at: number, time: number, most: number): RepairJob | undefined {
    if (this.#job || this.#back === undefined || !this.#attempts.isDue(at)) return undefined;
    const { feed, from, near, far } = this.hole;
    const { exchange, market, symbol } = feed;
    const until = Math.max(far?.timestamp ?? 0, time) + SECOND;
    const begin = floorToSecond(near?.timestamp ?? from) - SECOND;
    const oldest = until - Math.max(most, FARTHEST);
    this.#job = { exchange, market, symbol, from: Math.max(begin, oldest), until, startedAt: at };
    return this.#job;
  }

  isAskedFor(job: RepairJob): boolean {
    return this.#job === job;
  }

  /** Takes one page of its job; `isNew` says that it begins a chain. Returns the chain that it belongs to. */
  take({ records, covered }: RepairPage, isNew: boolean): Chain {
    const chain = isNew || !this.#chain ? this.hole.chain() : this.#chain;
    this.#chain = chain;
    const trades = records.filter((record): record is Trade => record.type === 'trade');
    this.hole.take(chain, trades, covered);
    return chain;
  }

  /** Its job has come to its end; returns whether there is no use in another one. */
  ended(job: RepairJob, isFailed: boolean, at: number, { settle }: RepairLimits): boolean {
    const { hole } = this;
    const chain = this.#chain;
    const back = this.#back;
    this.#job = undefined;
    this.#chain = undefined;
    if (back === undefined) return false;
    const isSilent = !hole.hasHeld && !hole.wasTold;
    if (chain && !isFailed && isSilent && job.startedAt >= back + settle) hole.settle(chain);
    const isTooFar = chain !== undefined && !isFailed && chain.touchesFar && !chain.touchesNear;
    // Where nothing comes live, an answer before that time proves nothing, whatever it says.
    const least = chain?.touchesNear && isSilent ? back + settle : at;
    return hole.isWhole || isTooFar || !this.#attempts.failed(at, least);
  }
}
