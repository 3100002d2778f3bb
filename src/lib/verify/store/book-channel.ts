import { OrderBook } from '../../book/order-book.js';
import { Sequencer } from '../../book/sequencer.js';
import { compareLongs } from '../../model/numbers.js';
import type { MessageChunk } from './book-messages.js';

/** What a delta shows: it does not continue the message before it, or leaves the book crossed. */
export const BROKEN = 1;
export const CROSSED = 2;

/**
 * The book of one symbol while its stored messages are read in order of arrival. Two questions are asked of each delta:
 *
 * - Does it name the sequence of the message before it? The first after a whole snapshot spans the sequence of that snapshot.
 *   Not asked of deltas without a sequence or a predecessor, and of those that arrived together, whose order nobody knows.
 * - Is the best bid below the best ask after it? No matching engine leaves a book like that. The book is unknown from a message
 *   that does not continue it (the rule of `Sequencer`) until the next whole snapshot.
 */
export class BookChannel {
  #book = new OrderBook();
  #sequencer = new Sequencer();
  #isKnown = false;
  /** The message before: its day, its sequence, when it arrived. */
  #day = '';
  #sequence: string | undefined;
  #isWhole = false;
  #arrival = Number.NEGATIVE_INFINITY;

  copy(): BookChannel {
    const other = new BookChannel();
    other.#book = this.#book.copy();
    other.#sequencer = this.#sequencer.copy();
    other.#isKnown = this.#isKnown;
    other.#day = this.#day;
    other.#sequence = this.#sequence;
    other.#isWhole = this.#isWhole;
    other.#arrival = this.#arrival;
    return other;
  }

  /** Begins a day. A delta continues a message of the day before, and none of an earlier one. */
  begin(before: string): void {
    this.#arrival = Number.NEGATIVE_INFINITY;
    if (this.#day === before) return;
    this.#sequence = undefined;
    this.#isWhole = false;
  }

  /** Whether a delta of the same day did not arrive before the message before it. */
  isInOrder(messages: MessageChunk, row: number): boolean {
    const arrival = messages.arrival(row);
    if (arrival !== this.#arrival) return arrival > this.#arrival;
    const sequence = messages.sequence(row);
    if (this.#isWhole || sequence === undefined) return true;
    return this.#sequence !== undefined && compareLongs(sequence, this.#sequence) >= 0;
  }

  /** Replaces the book by a whole snapshot. A crossed one is reported with the snapshots. */
  restart(messages: MessageChunk, row: number, day: string): void {
    const sequence = messages.sequence(row);
    this.#book.clear();
    this.#sequencer.restart(sequence);
    this.#isKnown = messages.change(this.#book, row);
    this.#follow(day, messages.arrival(row), sequence, true);
  }

  /** Applies a delta. Returns what it shows: `BROKEN`, `CROSSED`, their sum, or 0. */
  change(messages: MessageChunk, row: number, day: string): number {
    const sequence = messages.sequence(row);
    const previous = messages.previous(row);
    const arrival = messages.arrival(row);
    const broken = arrival > this.#arrival && this.#isBrokenBy(sequence, previous) ? BROKEN : 0;
    this.#follow(day, arrival, sequence, false);
    return broken + (this.#isCrossedBy(messages, row, sequence, previous) ? CROSSED : 0);
  }

  #follow(day: string, arrival: number, sequence: string | undefined, isWhole: boolean): void {
    this.#day = day;
    this.#arrival = arrival;
    this.#sequence = sequence;
    this.#isWhole = isWhole;
  }

  #isBrokenBy(sequence: string | undefined, previous: string | undefined): boolean {
    const last = this.#sequence;
    if (last === undefined || previous === undefined || previous === last) return false;
    if (!this.#isWhole) return true;
    const spans = compareLongs(previous, last) <= 0 && (sequence === undefined || compareLongs(last, sequence) <= 0);
    return !spans;
  }

  #isCrossedBy(messages: MessageChunk, row: number, sequence: string | undefined, previous: string | undefined): boolean {
    if (!this.#isKnown) return false;
    const continuity = this.#sequencer.follow(sequence, previous);
    if (continuity === 'stale') return false;
    this.#isKnown = continuity === 'next' && messages.change(this.#book, row);
    return this.#isKnown && this.#book.isCrossed;
  }
}
