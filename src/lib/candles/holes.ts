import { endsHole, type GapSpan, liesIn } from '../model/gap-repair.js';
import type { Gap } from '../model/records.js';

const REMEMBERED_REPAIRS = 16;

/**
 * The unrepaired holes in one channel of one symbol. One that was repaired is a hole all the same where its trades came
 * after their candles had been closed: these never saw them.
 */
export class Holes {
  #holes: GapSpan[] = [];
  #repaired: Gap[] = [];

  /** Learns a gap. One without `missing` ends the holes that it covers: they were repaired later. */
  add(gap: Gap): void {
    if (gap.missing) this.#holes.push(gap);
    else this.#holes = this.#holes.filter((hole) => !endsHole(gap, hole));
  }

  /** Remembers a gap that was repaired, whose trades are still to come. */
  expect(gap: Gap): void {
    this.#repaired.push(gap);
    if (this.#repaired.length > REMEMBERED_REPAIRS) this.#repaired.shift();
  }

  /** Learns that a trade came too late; returns the repaired gap that it makes a hole of. */
  addLate(time: number): Gap | undefined {
    const gap = this.#repaired.find((repaired) => liesIn(repaired, time));
    if (!gap) return undefined;
    this.#repaired = this.#repaired.filter((repaired) => repaired !== gap);
    const hole = { ...gap, missing: true };
    this.add(hole);
    return hole;
  }

  /** Returns the hole that overlaps `[start, end)` and became known first, undefined when there is none. */
  overlapping(start: number, end: number): { readonly known: number | undefined } | undefined {
    let found: GapSpan | undefined;
    for (const hole of this.#holes) {
      if (overlaps(hole, start, end) && (found === undefined || (hole.localTimestamp ?? 0) < (found.localTimestamp ?? 0)))
        found = hole;
    }
    return found && { known: found.localTimestamp };
  }

  /** Drops the holes before `time`. */
  forget(time: number): void {
    if (this.#holes.some(({ untilTimestamp }) => untilTimestamp < time))
      this.#holes = this.#holes.filter(({ untilTimestamp }) => untilTimestamp >= time);
  }
}

/** `until` is the first thing known after the hole; both ends are the same where the exchange's times are too coarse. */
function overlaps({ fromTimestamp: from, untilTimestamp: until }: GapSpan, start: number, end: number): boolean {
  return from < end && (until > start || (until === from && from >= start));
}
