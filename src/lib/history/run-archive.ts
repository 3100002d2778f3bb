import { FailureError, UsageError } from '../model/errors.js';
import type { Market, Trade } from '../model/records.js';
import { SeenTrades } from '../model/seen-trades.js';
import { type Span, within, without } from '../model/span.js';
import { DAY, SECOND } from '../model/time.js';
import type { DownloadOptions } from '../transport/download.js';
import { type ArchiveFile, type ArchiveRow, type ArchiveRows, readArchive } from './archive-rows.js';
import type { DeliveredTrades } from './delivered-trades.js';
import { spanOf } from './fetch-task.js';
import type { Delivery, Rejection } from './run-fetch-task.js';
import { NOTHING_STORED, readStoredSpans, type StoredSpans } from './stored-spans.js';
import { MOST_AT_ONE_TIME, readStoredTrades, StoredTrades } from './stored-trades.js';
import type { Topic } from './topic.js';
import type { TradeNumbering } from './trade-numbering.js';

export type ArchiveOptions = DownloadOptions & {
  /** Absent when records are not stored: then all trades of the file are yielded. */
  readonly store?: string | undefined;
  /** The markets that the user asked for; absent for all. */
  readonly markets?: readonly Market[] | undefined;
  /** The requested time span. */
  readonly wanted: Span;
  /** Microseconds. */
  readonly now: () => number;
  /** Called with a sentence about a file that is not whole. */
  readonly onIncomplete: (reason: string) => void;
};

/** Maximum difference between the times of a file and of the websocket. */
const MARGIN = 2 * SECOND;

const CUT_INSIDE =
  'the store has another trade at this place of its time: the day was cut inside one time; import its parts in one command, into a store without them';

/** Days whose stored trades are held: rows of a file are nearly in order of time. */
const DAYS_HELD = 2;

/**
 * Reads an archive file and yields the trades that the store does not have, in file order. A day counts as fetched only when
 * the file is whole: it is not cut off, has trades, all of its rows are trades of the time in its name, and that time is
 * over. Stored trades are compared one by one, whatever was fetched before: so a whole file completes a day that a cut one
 * began. Throws as `readArchive`, and a `UsageError` on a file of another market than `markets`.
 */
export async function* runArchive(path: string, delivered: DeliveredTrades, options: ArchiveOptions): AsyncGenerator<Delivery> {
  let archive: ArchiveImport | undefined;
  for await (const part of readArchive(path, options)) {
    if ('layout' in part) {
      requireMarket(path, part, options.markets);
      archive = await ArchiveImport.begin(path, part, delivered, options);
      continue;
    }
    if (!archive) throw new FailureError(`${path}: expected a header`);
    yield await archive.take(part);
    if (part.isCut) {
      options.onIncomplete(`${path}: the file is cut off; its trades up to there were read; import it again when it is complete`);
      return yield archive.end(false);
    }
  }
  if (!archive) return;
  if (!archive.hasRows) options.onIncomplete(`${path}: the file has a header but no trades; import it again when it is complete`);
  yield archive.end(archive.hasRows);
}

/** Throws a `UsageError` for a file of another market than the flags name. */
export function requireMarket(
  path: string,
  { layout }: Pick<ArchiveFile, 'layout'>,
  markets: readonly Market[] | undefined,
): void {
  if (markets && !markets.includes(layout.market))
    throw new UsageError(`${path}: an archive of ${layout.market}, but --market is ${markets.join(', ')}`);
}

/** Finds the new trades of one file. */
class ArchiveImport {
  readonly #path: string;
  readonly #file: ArchiveFile;
  readonly #options: ArchiveOptions;
  readonly #topic: Topic;
  readonly #requested: readonly Span[];
  readonly #stored: StoredSpans;
  readonly #captured: readonly Span[];
  readonly #delivered: DeliveredTrades;
  readonly #isShared: boolean;
  readonly #numbering: TradeNumbering;
  readonly #days = new Map<number, StoredTrades>();
  readonly #seen = new SeenTrades();
  readonly #met: number[] = [];
  #fresh: Trade[] = [];
  #rejected = 0;
  /** What to add to the positions of this file to get those of the stored trades of one time. */
  #shift: { readonly timestamp: number; readonly by: number } | undefined;
  /** The time inside of which the file was cut. */
  #cutTime: number | undefined;
  hasRows = false;

  private constructor(path: string, file: ArchiveFile, delivered: DeliveredTrades, options: ArchiveOptions, stored: StoredSpans) {
    this.#path = path;
    this.#file = file;
    this.#options = options;
    this.#delivered = delivered;
    this.#isShared = delivered.isShared(file.name.span);
    this.#numbering = delivered.numbering();
    this.#topic = topicOf(file);
    this.#requested = within([file.name.span], [options.wanted]);
    this.#stored = stored;
    this.#captured = stored.captured(this.#topic);
  }

  static async begin(
    path: string,
    file: ArchiveFile,
    delivered: DeliveredTrades,
    options: ArchiveOptions,
  ): Promise<ArchiveImport> {
    const stored = options.store === undefined ? NOTHING_STORED : await readStoredSpans(options.store, [topicOf(file)]);
    return new ArchiveImport(path, file, delivered, options, stored);
  }

  async take({ rows, rejected, isLast, isCut }: ArchiveRows): Promise<Delivery> {
    this.hasRows ||= rows.length + rejected.length > 0;
    const { span, label } = this.#file.name;
    const refused: Rejection[] = rejected.map(({ reason, line }) => ({ reason, place: this.#place(line) }));
    const inside = rows.filter(({ trade: { timestamp }, line }) => {
      if (timestamp >= span.from && timestamp < span.until) return true;
      refused.push({ reason: `not of ${label}, the date in the file name`, place: this.#place(line) });
      return false;
    });
    const numbered = this.#numbering.add(inside);
    if (isLast) numbered.push(...(await this.#delivered.endOf(this.#numbering, isCut)));
    const records: Trade[] = [];
    for (const row of numbered) {
      const { timestamp } = row.trade;
      const verdict = this.#judge(row, this.#loaded(timestamp) ?? (await this.#load(timestamp)));
      if (verdict === true) records.push(this.#besideStored(row.trade));
      else if (verdict) refused.push(verdict);
    }
    this.#rejected += refused.length;
    return { topic: this.#topic, records, rejected: refused, covered: [], repaired: [] };
  }

  /** Returns the covered span and the repaired gaps. A rejected row may be any trade of the file: then nothing is covered. */
  end(isWhole: boolean): Delivery {
    this.#delivered.add(this.#fresh, this.#path);
    this.#delivered.keep(this.#numbering);
    this.#fresh = [];
    const isCovered = isWhole && this.#rejected === 0 && this.#file.name.span.until <= this.#options.now();
    const covered = isCovered ? this.#requested : [];
    const repaired = this.#stored.gaps(this.#topic).filter((gap) => {
      if (without([spanOf(gap)], covered).length > 0) return false;
      return !this.#file.layout.hasPublicIds || this.#meets(gap.fromTimestamp, gap.untilTimestamp);
    });
    return { topic: this.#topic, records: [], rejected: [], covered, repaired };
  }

  /** Returns true for a new trade, a rejection for another trade with a known id, undefined for a known trade. */
  #judge(row: ArchiveRow, day: StoredTrades): true | Rejection | undefined {
    const { trade, line } = row;
    const { timestamp } = trade;
    if (!this.#requested.some(({ from, until }) => timestamp >= from && timestamp < until)) return undefined;
    const seen = this.#seen.add(trade, line);
    if (seen) return seen.isCopy ? undefined : this.#conflict(line, `line ${seen.line}`);
    const earlier = this.#delivered.find(trade);
    if (earlier) return earlier.isCopy ? undefined : this.#conflict(line, earlier.path);
    const stored = day.find(trade);
    if (stored) {
      this.#met.push(stored.timestamp);
      if (stored.isCopy && stored.position !== undefined && stored.timestamp === timestamp)
        this.#shift = { timestamp, by: stored.position - Number(trade.sequence) };
      return stored.isCopy ? undefined : this.#conflict(line, 'the store');
    }
    if (!this.#file.layout.hasPublicIds && this.#isKnownByContent(trade, day)) return undefined;
    if (timestamp === this.#cutTime || this.#isCutInside(trade, day)) {
      this.#cutTime = timestamp;
      return { reason: CUT_INSIDE, place: this.#place(line) };
    }
    if (this.#isShared) this.#fresh.push(trade);
    return true;
  }

  /**
   * Returns whether the store has another trade at the place of this one. Two parts of a day that was cut between trades of
   * one time both number them from 0, and their order would be lost.
   */
  #isCutInside(trade: Trade, day: StoredTrades): boolean {
    return Number(trade.sequence) < MOST_AT_ONE_TIME && day.hasPlace(this.#besideStored(trade));
  }

  /**
   * Returns a trade with its place beside the stored trades of its time. A file that runs newest first and ends within a time
   * numbered its newest trades from 0; the older ones of the whole file are numbered from there down, below 0.
   */
  #besideStored(trade: Trade): Trade {
    if (this.#shift?.timestamp !== trade.timestamp || this.#shift.by === 0) return trade;
    return { ...trade, sequence: String(Number(trade.sequence) + this.#shift.by) };
  }

  /** Trades of spot have other ids in the file: those of captured spans are stored, others are compared by content. */
  #isKnownByContent(trade: Trade, day: StoredTrades): boolean {
    const { timestamp } = trade;
    if (this.#captured.some(({ from, until }) => timestamp >= from && timestamp <= until)) return true;
    return day.foreign.take(trade) || this.#delivered.takeEqual(trade);
  }

  #conflict(line: number, other: string): Rejection {
    return {
      reason: `its id belongs to another trade, with another price, amount or side, in ${other}`,
      place: this.#place(line),
    };
  }

  #place(line: number): string {
    return `${this.#path}, line ${line}`;
  }

  #loaded(timestamp: number): StoredTrades | undefined {
    return this.#days.get(Math.floor(timestamp / DAY));
  }

  /** Reads the stored trades of the day of a time; without a store there are none. */
  async #load(timestamp: number): Promise<StoredTrades> {
    const { store } = this.#options;
    const day = Math.floor(timestamp / DAY);
    const span = { from: day * DAY - MARGIN, until: (day + 1) * DAY + MARGIN };
    for (const old of [...this.#days.keys()].slice(0, -DAYS_HELD + 1)) this.#days.delete(old);
    const isOwn = (id: string) => isOwnId(id, this.#file);
    const stored = store === undefined ? new StoredTrades() : await readStoredTrades(store, this.#topic, span, isOwn);
    this.#days.set(day, stored);
    return stored;
  }

  #meets(from: number, until: number): boolean {
    return this.#met.some((at) => at <= from) && this.#met.some((at) => at >= until);
  }
}

/** Returns whether an id is of the exchange, or of this file where its ids are made of its date and row. */
function isOwnId(id: string, { layout, name }: ArchiveFile): boolean {
  if (layout.hasPublicIds) return true;
  return id.startsWith(`${name.label}-`) && !id.slice(name.label.length + 1).includes('-');
}

function topicOf({ exchange, layout: { market, symbol } }: ArchiveFile): Topic {
  return { exchange, market, symbol, type: 'trade' };
}
