import { compareLongs } from '../model/numbers.js';

/** `next` continues the book, `stale` is already contained in the snapshot, `broken` means that messages are missing. */
export type Continuity = 'next' | 'stale' | 'broken';

/**
 * The sequence check of one book channel. Sequences are canonical decimal texts, exact beyond 2^53; where the exchange
 * sends none, nothing is checked.
 *
 * The rule (Bitget's for `seq` and `pseq`; Bybit's `u` with `u` − 1 before it is a special case): the first delta after a
 * snapshot spans the snapshot's sequence, every other one names its predecessor's.
 */
export class Sequencer {
  #last: string | undefined;
  #afterSnapshot = false;

  /** Restarts from a snapshot, whatever preceded it: exchanges restart their counters with one (Bybit `u` = 1). */
  restart(sequence: string | undefined): void {
    this.#last = sequence;
    this.#afterSnapshot = true;
  }

  copy(): Sequencer {
    const other = new Sequencer();
    other.#last = this.#last;
    other.#afterSnapshot = this.#afterSnapshot;
    return other;
  }

  /** Checks the next delta; only `next` advances the sequence. */
  follow(sequence: string | undefined, previous: string | undefined): Continuity {
    if (sequence === undefined) return 'next';
    const continuity = this.#last === undefined ? 'next' : this.#check(this.#last, sequence, previous);
    if (continuity === 'next') {
      this.#last = sequence;
      this.#afterSnapshot = false;
    }
    return continuity;
  }

  #check(last: string, sequence: string, previous: string | undefined): Continuity {
    if (!this.#afterSnapshot) {
      const continues = previous === undefined ? compareLongs(sequence, last) >= 0 : previous === last;
      return continues ? 'next' : 'broken';
    }
    // A predecessor of 0 means that the counter restarted; counted as stale, it would freeze the book at the snapshot.
    if (compareLongs(sequence, last) < 0) return previous === '0' ? 'broken' : 'stale';
    return previous !== undefined && compareLongs(previous, last) > 0 ? 'broken' : 'next';
  }
}
