import { daysBefore } from '../../model/time.js';
import type { StoreInspection } from '../../storage/reading/store-inspection.js';
import { BookChannel, BROKEN, CROSSED } from './book-channel.js';
import { type BookDay, BookMessages, type MessageChunk, type WholeBook } from './book-messages.js';
import type { Flaw } from './day-scan.js';

/** By symbol: deltas that do not continue the book before them, and deltas after which the book is crossed. */
export type BookFlaws = { readonly breaks: readonly Flaw[]; readonly crossings: readonly Flaw[] };

/**
 * Applies the stored deltas of a day to their whole snapshots in order of arrival, and finds those that do not continue the
 * book, or leave it crossed. Days must be read in order, because books continue over midnight. Memory holds a few messages
 * and one book per symbol.
 */
export class BookRebuild {
  readonly #messages: BookMessages;
  #channels = new Map<string, BookChannel>();
  #date = '';

  /** `most` messages are sorted at once. */
  constructor(inspection: StoreInspection, most?: number) {
    this.#messages = new BookMessages(inspection, most);
  }

  async flaws(day: BookDay): Promise<BookFlaws> {
    const { date } = day.deltas.partition;
    const before = daysBefore(date, 1);
    if (before !== this.#date) this.#channels.clear();
    this.#date = date;
    for (const channel of this.#channels.values()) channel.begin(before);
    const channels = new Map([...this.#channels].map(([symbol, channel]) => [symbol, channel.copy()]));
    const found = (await this.#followStored(day)) ?? (await this.#followSorted(day, channels));
    return found.flaws();
  }

  /**
   * Follows the deltas as they lie in their files, which is the order of their arrival unless two connections overlapped or the
   * exchange's clock went back. Returns undefined where it is not: to sort the messages with their levels takes most of the time.
   */
  async #followStored(day: BookDay): Promise<FlawTally | undefined> {
    const wholeBooks = await this.#messages.wholeBooks(day);
    if (wholeBooks === undefined) return undefined;
    const found = new FlawTally();
    const waiting = new Map([...wholeBooks].map(([symbol, books]) => [symbol, new WaitingBooks(books)]));
    for await (const { names, chunk } of this.#messages.stored(day)) {
      for (let row = 0; row < chunk.rows; row++) {
        const symbol = names[chunk.code(row)] as string;
        const channel = this.#channelOf(symbol);
        waiting.get(symbol)?.restart(channel, chunk.arrival(row), this.#date);
        if (!channel.isInOrder(chunk, row)) return undefined;
        found.add(symbol, channel.change(chunk, row, this.#date), chunk, row);
      }
    }
    for (const [symbol, books] of waiting) books.restart(this.#channelOf(symbol), Number.POSITIVE_INFINITY, this.#date);
    return found;
  }

  async #followSorted(day: BookDay, channels: Map<string, BookChannel>): Promise<FlawTally> {
    this.#channels = channels;
    const found = new FlawTally();
    for await (const { names, chunk } of this.#messages.sorted(day)) {
      for (let row = 0; row < chunk.rows; row++) {
        const symbol = names[chunk.code(row)] as string;
        const channel = this.#channelOf(symbol);
        if (chunk.isWhole(row)) channel.restart(chunk, row, this.#date);
        else found.add(symbol, channel.change(chunk, row, this.#date), chunk, row);
      }
    }
    return found;
  }

  #channelOf(symbol: string): BookChannel {
    let channel = this.#channels.get(symbol);
    if (channel === undefined) {
      channel = new BookChannel();
      this.#channels.set(symbol, channel);
    }
    return channel;
  }
}

/** Whole snapshots of a symbol that were not reached yet. */
class WaitingBooks {
  readonly #books: readonly WholeBook[];
  #next = 0;

  constructor(books: readonly WholeBook[]) {
    this.#books = books;
  }

  /** Restarts a channel from those that arrived no later than a delta. */
  restart(channel: BookChannel, arrival: number, day: string): void {
    for (; this.#next < this.#books.length; this.#next++) {
      const { chunk, row } = this.#books[this.#next] as WholeBook;
      if (chunk.arrival(row) > arrival) return;
      channel.restart(chunk, row, day);
    }
  }
}

type Tally = { count: number; at: number; readonly files: Set<string> };

/** Counts what deltas show, by symbol. */
class FlawTally {
  readonly #breaks = new Map<string, Tally>();
  readonly #crossings = new Map<string, Tally>();

  add(symbol: string, shown: number, messages: MessageChunk, row: number): void {
    if (shown === 0) return;
    if ((shown & BROKEN) !== 0) {
      const tally = counted(this.#breaks, symbol, messages, row);
      tally.at = Math.min(tally.at, messages.time(row));
      const file = messages.file(row);
      if (file !== undefined) tally.files.add(file);
    }
    if ((shown & CROSSED) !== 0) counted(this.#crossings, symbol, messages, row);
  }

  flaws(): BookFlaws {
    return { breaks: flawsOf(this.#breaks), crossings: flawsOf(this.#crossings) };
  }
}

/** Returns the tally of a symbol, one more than before; the first message gives it the time and the file. */
function counted(tallies: Map<string, Tally>, symbol: string, messages: MessageChunk, row: number): Tally {
  let tally = tallies.get(symbol);
  if (tally === undefined) {
    const file = messages.file(row);
    tally = { count: 0, at: messages.time(row), files: new Set(file === undefined ? [] : [file]) };
    tallies.set(symbol, tally);
  }
  tally.count++;
  return tally;
}

function flawsOf(tallies: ReadonlyMap<string, Tally>): Flaw[] {
  return [...tallies].map(([symbol, { count, at, files }]) => ({ symbol, count, at, files: [...files].sort() }));
}
