import { compareLongs } from '../model/numbers.js';

/** `next` continues the book, `stale` is already contained in the snapshot, `broken` means that something is missing. */
export type Continuity = 'next' | 'stale' | 'broken';

/**
 * Follows the sequences of one book channel. Sequences are canonical decimal texts, exact beyond 2^53; where the exchange
 * sends none, nothing is checked.
 *
 * The rule (Bitget's for `seq` and `pseq`; Bybit's `u` with `u` − 1 before it is a special case): the first delta after a
 * snapshot spans the snapshot's sequence, every other one names its predecessor's.
 */
export class Sequencer {
  #last: string | undefined;
  #afterSnapshot = false;

  /** Begins anew from a snapshot, whatever came before: exchanges restart their counters with one (Bybit `u` = 1). */
  restart(sequence: string | undefined): void {
    this.#last = sequence;
    this.#afterSnapshot = true;
  }

  /** Judges the next delta; only `next` moves the sequence on. */
  follow(sequence: string | undefined, previous: string | undefined): Continuity {
    if (sequence === undefined) return 'next';
    const continuity = this.#last === undefined ? 'next' : this.#judge(this.#last, sequence, previous);
    if (continuity === 'next') {
      this.#last = sequence;
      this.#afterSnapshot = false;
    }
    return continuity;
  }

  #judge(last: string, sequence: string, previous: string | undefined): Continuity {
    if (!this.#afterSnapshot) {
      const continues = previous === undefined ? compareLongs(sequence, last) >= 0 : previous === last;
      return continues ? 'next' : 'broken';
    }
    // A predecessor of 0 tells of a counter that restarted; taken for stale, it would freeze the book at the snapshot.
    if (compareLongs(sequence, last) < 0) return previous === '0' ? 'broken' : 'stale';
    return previous !== undefined && compareLongs(previous, last) > 0 ? 'broken' : 'next';
  }
}
