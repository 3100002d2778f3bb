import { MdtoolError } from '../model/errors.js';
import type { Trade } from '../model/records.js';
import { SeenTrades } from '../model/seen-trades.js';
import { overlap, type Span } from '../model/span.js';
import { type ArchiveRow, firstRows, isUrl, namedArchive } from './archive-rows.js';
import { ContentCounts } from './stored-trades.js';
import { type EdgeTime, runsNewestFirst, TradeNumbering } from './trade-numbering.js';

/** The trades that earlier files of the same command delivered, for files whose times overlap. */
export class DeliveredTrades {
  readonly #spans: readonly Span[];
  readonly #ids = new SeenTrades();
  readonly #paths: string[] = [];
  readonly #counts = new ContentCounts();
  /** The last time of the last file, which the next one may continue. */
  #last: EdgeTime | undefined;
  /** First times of files that run newest first and their numbers of trades: a newer part may end with one of them. */
  readonly #heads = new Map<number, number>();
  /** Whether the files so far run newest first; undefined where none shows it. */
  #isNewestFirst: boolean | undefined;
  /** The file after the current one. */
  next: string | undefined;

  /** `paths` are all files of one symbol. */
  constructor(paths: readonly string[]) {
    this.#spans = paths.flatMap((path) => namedArchive(path)?.name.span ?? []);
  }

  /** Returns whether another file has trades of this span. */
  isShared(span: Span): boolean {
    return this.#spans.filter((other) => overlap(other, span)).length > 1;
  }

  /** Adds the trades of one file, after the file was read. */
  add(trades: readonly Trade[], path: string): void {
    this.#paths.push(path);
    for (const trade of trades) {
      this.#ids.add(trade, this.#paths.length);
      this.#counts.add(trade);
    }
  }

  /** Returns the file of the trade with this id, and whether it has the same price, amount and side. */
  find(trade: Trade): { readonly path: string; readonly isCopy: boolean } | undefined {
    const found = this.#ids.find(trade);
    return found && { path: this.#paths[found.line - 1] as string, isCopy: found.isCopy };
  }

  takeEqual(trade: Trade): boolean {
    return this.#counts.take(trade);
  }

  /** Returns the numbering of the next file. */
  numbering(): TradeNumbering {
    return new TradeNumbering(this.#last);
  }

  /** Remembers what a numbered file shares with the parts after it. */
  keep({ last, head, isNewestFirst }: TradeNumbering): void {
    this.#last = last;
    this.#isNewestFirst = isNewestFirst ?? this.#isNewestFirst;
    if (head) this.#heads.set(head.timestamp, head.trades);
  }

  /**
   * Returns the rows of a file that wait for its end. The last time of a file that runs newest first may go on in an older part
   * of its day: in a file before it, or at the beginning of the next one.
   */
  async endOf(numbering: TradeNumbering, isCut: boolean): Promise<ArchiveRow[]> {
    const next = this.next === undefined || isUrl(this.next) ? undefined : await beginningOf(this.next);
    const isNewestFirst = this.#isNewestFirst ?? next?.isNewestFirst ?? false;
    const group = numbering.decide(isNewestFirst);
    const [first] = group;
    if (!first) return numbering.end(isCut, 0);
    const ids = new Set(group.map(({ id }) => id));
    const further = next?.trades.filter(({ timestamp, id }) => timestamp === first.timestamp && !ids.has(id)).length ?? 0;
    return numbering.end(isCut, this.#heads.get(first.timestamp) ?? further);
  }
}

type Beginning = { readonly trades: readonly Trade[]; readonly isNewestFirst: boolean | undefined };

/** Returns the trades at the beginning of a file that share one time, and the direction of its first rows. */
async function beginningOf(path: string): Promise<Beginning | undefined> {
  const trades: Trade[] = [];
  try {
    for await (const rows of firstRows(path)) {
      const other = rows.findIndex(({ trade: { timestamp } }) => timestamp !== (trades[0] ?? rows[0]?.trade)?.timestamp);
      for (const { trade } of other < 0 ? rows : rows.slice(0, other)) trades.push(trade);
      if (other >= 0) return { trades, isNewestFirst: runsNewestFirst(rows) };
    }
  } catch (error) {
    // It is read again as a file of its own, and reported then.
    if (!(error instanceof MdtoolError)) throw error;
    return undefined;
  }
  return { trades, isNewestFirst: undefined };
}
