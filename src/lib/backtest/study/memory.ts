import { totalmem } from 'node:os';
import { UsageError } from '../../model/errors.js';
import { formatCount, formatSize } from '../../model/number-format.js';

/**
 * Bytes of a row at most, while it is loaded: its columns, the hashes by which copies are found, and room to grow where the rows are not
 * counted first. Measured; `docs/performance.md` has the figures.
 */
const ROW_BYTES = { trade: 80, candle: 110 } as const;
/** Bytes of one level of a book, which stays a record. */
const LEVEL_BYTES = 80;
/** The rest is for the system, and for what a run makes. */
const SHARE = 0.75;

/** Returns what an input may take by default: three quarters of the memory of this machine, or of its container. */
function defaultMemory(): number {
  // 0 or more than the machine has where nothing constrains the process.
  return SHARE * Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
}

/** Counts what an input takes. Without it, the system ends the process without a word once its memory is used up. */
export class MemoryBudget {
  readonly #limit: number;
  readonly #rows = { trade: 0, candle: 0 };
  #levels = 0;

  /** `limit` is in bytes. */
  constructor(limit = defaultMemory()) {
    this.#limit = limit;
  }

  /** Throws a `UsageError` when the rows so far and these do not fit. */
  take(type: keyof typeof ROW_BYTES, rows: number): void {
    this.#rows[type] += rows;
    this.#check();
  }

  takeLevels(levels: number): void {
    this.#levels += levels;
    this.#check();
  }

  #check(): void {
    const { trade, candle } = this.#rows;
    const bytes = trade * ROW_BYTES.trade + candle * ROW_BYTES.candle + this.#levels * LEVEL_BYTES;
    if (bytes <= this.#limit) return;
    const parts = [
      `${formatCount(trade)} trades at ${ROW_BYTES.trade} bytes`,
      `${formatCount(candle)} candles at ${ROW_BYTES.candle} bytes`,
      `${formatCount(this.#levels)} levels of books at ${LEVEL_BYTES} bytes`,
    ].filter((part) => !part.startsWith('0 '));
    throw new UsageError(
      `--memory: expected an input of at most ${formatSize(this.#limit)}, has ${parts.join(' and ')} or more; choose less with --symbols, --since or --until, run on candles, or raise --memory`,
    );
  }
}
