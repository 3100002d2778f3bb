import type { Trade } from '../../model/records.js';
import { seriesKey } from '../../model/series.js';
import { DAY, floorToSecond, SECOND } from '../../model/time.js';
import type { GapRepairState, PageChain } from './gap-repair-state.js';
import type { KnownTrades } from './known-trades.js';
import type { RepairJob, RepairLimits, RepairPage } from './repair-job.js';

/** How far back a thin symbol's last trade may lie: where the newest page reaches it, nothing is missing. */
const FARTHEST = 7 * DAY;

/** The repair of one gap: whether the feed is delivered again, and the fetch job that runs. */
export class OpenRepair {
  readonly key: string;
  readonly state: GapRepairState;
  readonly known: KnownTrades;
  /** Local time of the loss. */
  readonly lostAt: number;
  /** Whether a connection delivers the feed again. */
  isDelivered = false;
  /** Whether the outputs are full and live trades of the symbol are dropped. */
  isBlocked = false;
  #returnedAt: number | undefined;
  #job: RepairJob | undefined;
  #chain: PageChain | undefined;
  /** Whether a further request would bring nothing older. */
  #isFinal = false;
  #attempts: AttemptSchedule;

  constructor(state: GapRepairState, known: KnownTrades, lostAt: number) {
    this.key = seriesKey(state.feed);
    this.state = state;
    this.known = known;
    this.lostAt = lostAt;
    this.#attempts = new AttemptSchedule(lostAt);
  }

  /** Local time since which every trade arrives live, undefined while the feed is lost. */
  get returnedAt(): number | undefined {
    return this.#returnedAt;
  }

  /** Registers that the feed was lost again. */
  lost(): void {
    this.state.lostAgain();
    this.isDelivered = false;
    this.#returnedAt = undefined;
  }

  /** Registers that every trade arrives live again. */
  returned(at: number): void {
    this.#returnedAt = at;
    this.#attempts = new AttemptSchedule(at);
  }

  /** Brings the next attempt forward: with a first live trade an answer can prove the end of the gap. */
  hurry(at: number): void {
    this.#attempts.hurry(at);
  }

  /** Returns the fetch job that is due at `at`, if any. `time` is the exchange's time, `most` how far back to fetch. */
  nextJob(at: number, time: number, most: number): RepairJob | undefined {
    if (this.dueAt === undefined || this.dueAt > at) return undefined;
    const { feed, from, start, since, end } = this.state;
    const { exchange, market, symbol } = feed;
    const until = Math.max(end?.timestamp ?? 0, time) + SECOND;
    const begin = floorToSecond(since?.timestamp ?? start?.timestamp ?? from) - SECOND;
    const oldest = until - Math.max(most, FARTHEST);
    this.#job = { exchange, market, symbol, from: Math.max(begin, oldest), until, startedAt: at };
    return this.#job;
  }

  /** Local time from which a fetch job is due, undefined while one runs or the feed is lost. */
  get dueAt(): number | undefined {
    return this.#job || this.#returnedAt === undefined ? undefined : this.#attempts.next;
  }

  /** Whether the job that runs has not reached all of what it looks through. */
  get isLookingBack(): boolean {
    return this.#job !== undefined && this.state.since !== undefined && this.#chain?.reachesSince !== true;
  }

  /**
   * Whether the repair has taken longer than `within` since the feed returned. With hundreds of repairs on a slow REST
   * interface a job waits for its turn: a repair that was never answered, or is being answered, has not had its time.
   */
  isOverdue(at: number, within: number): boolean {
    if (this.#returnedAt === undefined || at - this.#returnedAt < within) return false;
    return this.#job === undefined && this.#attempts.count > 0;
  }

  isCurrent(job: RepairJob): boolean {
    return this.#job === job;
  }

  /**
   * Adds one page of the job; `isNew` starts a new chain. Returns whether the next page is of use: not when the start of
   * the gap is reached, nor below the time `oldest`.
   *
   * An empty page ends a list, says the exchange. But it also comes from an endpoint that lags or fails, so it proves
   * nothing about the time that it claims to cover. Only of a symbol that never traded before the gap is it believed,
   * when several requests in a row gave it: there is no earlier trade to reach.
   */
  takePage({ records, covered, isEmpty = false, isExhausted = false }: RepairPage, isNew: boolean, oldest: number): boolean {
    const chain = isNew || !this.#chain ? this.state.startChain() : this.#chain;
    this.#chain = chain;
    const trades = records.filter((record): record is Trade => record.type === 'trade');
    const isProven = !isEmpty || (this.state.start === undefined && this.#believesEmpty);
    this.state.addPage(chain, trades, isProven ? covered : undefined);
    this.#isFinal ||= isExhausted || chain.from < oldest;
    return (!chain.reachesStart || this.isLookingBack) && chain.from >= oldest;
  }

  /** Whether further requests gave an empty answer, too. */
  get #believesEmpty(): boolean {
    return this.#attempts.count >= CONFIRMATIONS;
  }

  /** Registers the end of the job. Returns whether another job would be of no use. */
  jobEnded(job: RepairJob, isFailed: boolean, at: number, { settle }: RepairLimits): boolean {
    const { state } = this;
    const returnedAt = this.#returnedAt;
    const isSilent = !state.hasHeld && !state.isReported;
    if (returnedAt !== undefined && !isFailed && isSilent && job.startedAt >= returnedAt + settle)
      state.settle(this.#believesEmpty);
    const reaches = state.reaches;
    const isTooFar = !isFailed && this.#isFinal && reaches.end && !reaches.start;
    this.#job = undefined;
    this.#chain = undefined;
    this.#isFinal = false;
    state.endRequest();
    if (returnedAt === undefined) return false;
    // While no live trade arrives, an earlier answer proves nothing, whatever it contains.
    const earliest = reaches.start && isSilent ? returnedAt + settle : at;
    return state.isComplete || isTooFar || !this.#attempts.failed(at, earliest);
  }
}

/** Delay before the first attempt: a snapshot on subscribing arrives at once and may make it superfluous. */
const FIRST_DELAY = 0.25 * SECOND;
/** Delay after the first attempt; it doubles with each further one. */
const RETRY_DELAY = 0.5 * SECOND;
/** About 30 s together: answers that lag behind by more are not waited for. */
const MAX_ATTEMPTS = 7;
/** Requests before an empty answer is believed of a symbol that never traded before. */
const CONFIRMATIONS = 2;

/** The times at which a gap is fetched again; all are local, in microseconds. */
class AttemptSchedule {
  readonly #begun: number;
  #count = 0;
  #next: number;

  /** `at` is the time at which the feed returned. */
  constructor(at: number) {
    this.#begun = at;
    this.#next = at + FIRST_DELAY;
  }

  /** Number of attempts that have ended. */
  get count(): number {
    return this.#count;
  }

  /** Local time of the next attempt. */
  get next(): number {
    return this.#next;
  }

  hurry(at: number): void {
    this.#next = Math.min(this.#next, Math.max(at, this.#begun + FIRST_DELAY));
  }

  /**
   * Registers an attempt that ended at `at` and proved nothing; the next one starts no earlier than `earliest`. Returns
   * false when it was the last.
   */
  failed(at: number, earliest: number): boolean {
    this.#next = Math.max(at + RETRY_DELAY * 2 ** this.#count, earliest);
    this.#count += 1;
    return this.#count < MAX_ATTEMPTS;
  }
}
