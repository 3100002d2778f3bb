import { endsGap, type GapSpan, liesIn } from '../model/gap-repair.js';
import type { Gap } from '../model/records.js';

const REMEMBERED_REPAIRS = 16;

/**
 * The unrepaired gaps in one channel of one symbol. A repaired gap counts as open, too, where its trades arrived after
 * their candles had closed: these candles miss them.
 */
export class OpenGaps {
  #openGaps: GapSpan[] = [];
  #repaired: Gap[] = [];

  /** Adds a gap. A gap without `missing` ends the gaps that it covers: they were repaired later. */
  add(gap: Gap): void {
    if (gap.missing) this.#openGaps.push(gap);
    else this.#openGaps = this.#openGaps.filter((openGap) => !endsGap(gap, openGap));
  }

  /** Remembers a repaired gap whose trades are still to arrive. */
  expect(gap: Gap): void {
    this.#repaired.push(gap);
    if (this.#repaired.length > REMEMBERED_REPAIRS) this.#repaired.shift();
  }

  /** Records a trade that arrived too late; returns the repaired gap that is open again because of it. */
  addLate(time: number): Gap | undefined {
    const gap = this.#repaired.find((repaired) => liesIn(repaired, time));
    if (!gap) return undefined;
    this.#repaired = this.#repaired.filter((repaired) => repaired !== gap);
    const openGap = { ...gap, missing: true };
    this.add(openGap);
    return openGap;
  }

  /** Returns the gap that overlaps `[start, end)` and became known first, undefined when there is none. */
  overlapping(start: number, end: number): { readonly known: number | undefined } | undefined {
    let found: GapSpan | undefined;
    for (const openGap of this.#openGaps) {
      if (overlaps(openGap, start, end) && (found === undefined || (openGap.localTimestamp ?? 0) < (found.localTimestamp ?? 0)))
        found = openGap;
    }
    return found && { known: found.localTimestamp };
  }

  /** Drops the gaps before `time`. */
  forget(time: number): void {
    if (this.#openGaps.some(({ untilTimestamp }) => untilTimestamp < time))
      this.#openGaps = this.#openGaps.filter(({ untilTimestamp }) => untilTimestamp >= time);
  }
}

/** `until` is the first record known after the gap; both ends are equal where the exchange's times are too coarse. */
function overlaps({ fromTimestamp: from, untilTimestamp: until }: GapSpan, start: number, end: number): boolean {
  return from < end && (until > start || (until === from && from >= start));
}
