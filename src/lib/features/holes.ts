import type { Gap } from '../model/records.js';
import { INPUT_NAMES, type Input, inputsOfChannel } from './inputs.js';

/** A stretch `[from, until)` in which inputs are missing, and when that was known. */
export type Hole = { readonly inputs: readonly Input[]; readonly from: number; readonly until: number; readonly known: number };

const REMEMBERED_REPAIRS = 16;

/**
 * The holes of one symbol. A gap that was repaired is a hole all the same where its trades came after their seconds had
 * been given: those rows never saw them.
 */
export class Holes {
  readonly #until = new Map<Input, number>(INPUT_NAMES.map((input) => [input, 0]));
  #pending: Hole[] = [];
  #repaired: Hole[] = [];
  #lastLate = 0;

  /** Learns a gap; returns the hole that it is, undefined when there is none or it concerns no input. */
  add(gap: Gap): Hole | undefined {
    const inputs = inputsOfChannel(gap.channel);
    if (inputs.length === 0) return undefined;
    // Both ends are the same where the exchange's times are too coarse to tell them apart.
    const until = Math.max(gap.untilTimestamp, gap.fromTimestamp + 1);
    const hole = { inputs, from: gap.fromTimestamp, until, known: gap.localTimestamp ?? gap.timestamp };
    if (gap.missing || contains(hole, this.#lastLate)) return this.#open(hole);
    this.#repaired.push(hole);
    if (this.#repaired.length > REMEMBERED_REPAIRS) this.#repaired.shift();
    return undefined;
  }

  /** Learns that a trade came after its second had been given; returns the hole that this makes of a repaired gap. */
  addLate(timestamp: number): Hole | undefined {
    this.#lastLate = timestamp;
    const hole = this.#repaired.find((repaired) => repaired.inputs.includes('trade') && contains(repaired, timestamp));
    if (!hole) return undefined;
    this.#repaired = this.#repaired.filter((repaired) => repaired !== hole);
    return this.#open(hole);
  }

  /** Lets time pass up to `end`: holes that begin before it count from now on. */
  advance(end: number): void {
    if (this.#pending.length === 0) return;
    for (const { inputs, from, until } of this.#pending) {
      if (from < end) for (const input of inputs) this.#until.set(input, Math.max(this.until(input), until));
    }
    this.#pending = this.#pending.filter(({ from }) => from >= end);
  }

  /** Returns the end of the last hole in an input among those that began in the time passed, 0 when there was none. */
  until(input: Input): number {
    return this.#until.get(input) as number;
  }

  /** Returns the end of the last hole in any of `inputs`. */
  lastUntil(inputs: readonly Input[]): number {
    let last = 0;
    for (const input of inputs) last = Math.max(last, this.until(input));
    return last;
  }

  #open(hole: Hole): Hole {
    this.#pending.push(hole);
    return hole;
  }
}

function contains({ from, until }: Hole, timestamp: number): boolean {
  return timestamp >= from && timestamp <= until;
}
