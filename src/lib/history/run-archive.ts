import type { Exchange } from '../exchanges/exchange.js';
import { FailureError } from '../model/errors.js';
import type { Trade } from '../model/records.js';
import { type Span, within, without } from '../model/span.js';
import { SECOND } from '../model/time.js';
import type { DownloadOptions } from '../transport/download.js';
import { type ArchiveFile, readArchive } from './archive-rows.js';
import { spanOf } from './fetch-task.js';
import type { Delivery } from './run-fetch-task.js';
import { readStoredKeys, type StoredKeys } from './stored-keys.js';
import { NOTHING_STORED, readStoredSpans, type StoredSpans } from './stored-spans.js';
import type { Topic } from './topic.js';

export type ArchiveOptions = DownloadOptions & {
  readonly exchanges: readonly Exchange[];
  /** Absent when records are not stored: then all trades of the file are yielded. */
  readonly store?: string | undefined;
  /** The requested time span. */
  readonly wanted: Span;
  /** Microseconds. */
  readonly now: () => number;
  readonly onCut: (reason: string) => void;
};

/** Maximum difference between the times of a file and of the websocket. */
const MARGIN = 2 * SECOND;

/**
 * Reads an archive file and yields the trades that the store lacks, in the order of the file. A day that is over and a file
 * that does not break off are whole. Throws as `readArchive`.
 */
export async function* runArchive(path: string, options: ArchiveOptions): AsyncGenerator<Delivery> {
  let import_: ArchiveImport | undefined;
  for await (const part of readArchive(path, options.exchanges, options)) {
    if ('layout' in part) {
      import_ = await ArchiveImport.begin(part, options);
      continue;
    }
    if (!import_) throw new FailureError(`${path}: expected a header`);
    yield import_.take(part.trades, part.rejected);
    if (part.isCut) {
      options.onCut(`${path}: the file is cut off; its trades up to there were read; import it again when it is complete`);
      return;
    }
  }
  if (import_) yield import_.end(options.now());
}

/** What of one file is new. */
class ArchiveImport {
  readonly #file: ArchiveFile;
  readonly #topic: Topic;
  readonly #missing: readonly Span[];
  readonly #captured: readonly Span[];
  readonly #stored: StoredSpans;
  readonly #keys: StoredKeys;
  readonly #met: number[] = [];
  #rejected = 0;

  private constructor(file: ArchiveFile, topic: Topic, stored: StoredSpans, missing: readonly Span[], keys: StoredKeys) {
    this.#file = file;
    this.#topic = topic;
    this.#stored = stored;
    this.#captured = stored.captured(topic);
    this.#missing = missing;
    this.#keys = keys;
  }

  static async begin(file: ArchiveFile, { store, wanted }: ArchiveOptions): Promise<ArchiveImport> {
    const topic: Topic = { exchange: file.exchange, market: file.layout.market, symbol: file.layout.symbol, type: 'trade' };
    const stored = store === undefined ? NOTHING_STORED : await readStoredSpans(store, [topic]);
    const missing = without(within([file.name.span], [wanted]), stored.known(topic));
    const keys: StoredKeys = new Map();
    for (const { from, until } of store === undefined || !file.layout.hasPublicIds ? [] : missing) {
      const near = await readStoredKeys(store as string, topic, { from: from - MARGIN, until: until + MARGIN });
      for (const [key, at] of near) keys.set(key, at);
    }
    return new ArchiveImport(file, topic, stored, missing, keys);
  }

  take(trades: readonly Trade[], rejected: readonly string[]): Delivery {
    this.#rejected += rejected.length;
    return { topic: this.#topic, records: trades.filter((trade) => this.#isNew(trade)), rejected, covered: [], repaired: [] };
  }

  /** A row that could not be read may be any trade of the file. */
  end(now: number): Delivery {
    const isWhole = this.#rejected === 0 && this.#file.name.span.until <= now;
    const covered = isWhole ? this.#missing : [];
    const repaired = this.#stored.gaps(this.#topic).filter((gap) => {
      if (without([spanOf(gap)], covered).length > 0) return false;
      return !this.#file.layout.hasPublicIds || this.#meets(gap.fromTimestamp, gap.untilTimestamp);
    });
    return { topic: this.#topic, records: [], rejected: [], covered, repaired };
  }

  /** Ids tell a trade that is stored; without them, what happened within a captured span is, its ends included. */
  #isNew({ id, timestamp }: Trade): boolean {
    const at = this.#keys.get(id);
    if (at !== undefined) this.#met.push(at);
    if (at !== undefined || !this.#missing.some(({ from, until }) => timestamp >= from && timestamp < until)) return false;
    if (this.#file.layout.hasPublicIds) return true;
    return !this.#captured.some(({ from, until }) => timestamp >= from && timestamp <= until);
  }

  #meets(from: number, until: number): boolean {
    return this.#met.some((at) => at <= from) && this.#met.some((at) => at >= until);
  }
}
