import { endsGap, liesIn } from '../model/gap-repair.js';
import type { Gap } from '../model/records.js';
import { INPUT_NAMES, type Input, inputsOfChannel } from './inputs.js';

/** A time of each input, microseconds. */
type FinalUntil = Readonly<Partial<Record<Input, number>>>;

/** A span `[from, until)` in which inputs are missing, and when that became known. */
export type OpenGap = {
  readonly inputs: readonly Input[];
  readonly from: number;
  readonly until: number;
  readonly known: number;
  /** Rows that were emitted and end up to here are not changed by the gap. */
  readonly final: FinalUntil;
};

/** The change that a gap makes: a new open gap, or open gaps that end. */
type GapEffect = { readonly opened: OpenGap } | { readonly ended: readonly OpenGap[]; readonly known: number } | undefined;

type RememberedGap = { readonly openGap: OpenGap; readonly gap: Gap; isLate: boolean };

/** The latest end of the gaps in an input, and the latest time at which one of them became known. */
type LatestGap = { readonly until: number; readonly known: number };

const NO_GAP: LatestGap = { until: 0, known: 0 };

/** Number of repairs whose trades may still arrive, and of gaps that a repair may still end; older gaps stay. */
const REMEMBERED = 64;

/**
 * The gaps of one symbol. A repaired gap counts as open, too, where its trades arrived after their seconds were emitted:
 * those rows miss them.
 */
export class OpenGaps {
  readonly #last = new Map<Input, LatestGap>(INPUT_NAMES.map((input) => [input, NO_GAP]));
  /** The same for gaps that are no longer remembered. */
  readonly #settled = new Map<Input, LatestGap>();
  #open: RememberedGap[] = [];
  #pending: OpenGap[] = [];
  #repairs: Gap[] = [];
  readonly #foreseen: Gap[] = [];
  #lastLate = 0;
  #end = 0;
  /** Whether no gap has ever begun: each row asks for those of every feature. */
  #isWhole = true;

  /** Adds a repair whose records are in the input: the gaps that it ends never open. */
  foresee(repair: Gap): void {
    this.#foreseen.push(repair);
  }

  /**
   * Adds a gap; returns the change, undefined when there is none or no input is concerned. `finalOf` returns up to where
   * emitted rows are not changed by a gap in an input.
   */
  add(gap: Gap, finalOf: (input: Input) => number): GapEffect {
    const inputs = inputsOfChannel(gap.channel);
    if (inputs.length === 0) return undefined;
    if (gap.missing) {
      if (this.#foreseen.some((repair) => ends(repair, gap))) return undefined;
      const final = Object.fromEntries(inputs.map((input) => [input, finalOf(input)]));
      return { opened: this.#begin(gap, false, final) };
    }
    const ended = this.#open.filter(({ gap: other, isLate }) => !isLate && ends(gap, other));
    if (gap.channel === 'trade' && liesIn(gap, this.#lastLate))
      return ended.length > 0 ? undefined : { opened: this.#begin(gap, true) };
    this.#repairs.push(gap);
    if (this.#repairs.length > REMEMBERED) this.#repairs.shift();
    if (ended.length === 0) return undefined;
    this.#drop(ended);
    return { ended: ended.map(({ openGap }) => openGap), known: knownOf(gap) };
  }

  /** Records a trade that arrived after its second was emitted; returns the repaired gap that opens again because of it. */
  addLate(timestamp: number): OpenGap | undefined {
    this.#lastLate = timestamp;
    for (const open of this.#open) if (open.gap.channel === 'trade' && liesIn(open.gap, timestamp)) open.isLate = true;
    const gap = this.#repairs.find((repaired) => repaired.channel === 'trade' && liesIn(repaired, timestamp));
    if (!gap) return undefined;
    this.#repairs = this.#repairs.filter((repaired) => repaired !== gap);
    return this.#begin(gap, true);
  }

  /** Advances time to `end`: gaps that begin before it count from now on. */
  advance(end: number): void {
    this.#end = end;
    if (this.#pending.length === 0) return;
    this.#isWhole = false;
    for (const openGap of this.#pending) if (openGap.from < end) extend(this.#last, openGap);
    this.#pending = this.#pending.filter(({ from }) => from >= end);
  }

  /** Returns the end of the last gap in an input among those that began so far, 0 when there is none. */
  until(input: Input): number {
    return (this.#last.get(input) as LatestGap).until;
  }

  /** Returns when all gaps in some inputs of a row were known. */
  known(inputs: readonly Input[]): number {
    let known = 0;
    for (const input of inputs) known = Math.max(known, (this.#last.get(input) as LatestGap).known);
    return known;
  }

  /** Returns the end of the last gap in any of `inputs`. */
  lastUntil(inputs: readonly Input[]): number {
    let last = 0;
    if (this.#isWhole) return last;
    for (const input of inputs) last = Math.max(last, this.until(input));
    return last;
  }

  /** Returns the gaps that a repair may still end, in the order in which they became known. */
  get open(): readonly OpenGap[] {
    return this.#open.map(({ openGap }) => openGap);
  }

  #begin(gap: Gap, isLate: boolean, final: FinalUntil = {}): OpenGap {
    // Both ends are equal where the exchange's times are too coarse.
    const until = Math.max(gap.untilTimestamp, gap.fromTimestamp + 1);
    const openGap = { inputs: inputsOfChannel(gap.channel), from: gap.fromTimestamp, until, known: knownOf(gap), final };
    this.#pending.push(openGap);
    this.#open.push({ openGap, gap, isLate });
    if (this.#open.length > REMEMBERED) extend(this.#settled, (this.#open.shift() as RememberedGap).openGap);
    return openGap;
  }

  #drop(ended: readonly RememberedGap[]): void {
    this.#open = this.#open.filter((open) => !ended.includes(open));
    this.#pending = this.#open.map(({ openGap }) => openGap);
    for (const input of INPUT_NAMES) this.#last.set(input, this.#settled.get(input) ?? NO_GAP);
    this.advance(this.#end);
  }
}

function ends(repair: Gap, gap: Gap): boolean {
  return repair.channel === gap.channel && endsGap(repair, gap);
}

function knownOf({ localTimestamp, timestamp }: Gap): number {
  return localTimestamp ?? timestamp;
}

function extend(last: Map<Input, LatestGap>, { inputs, until, known }: OpenGap): void {
  for (const input of inputs) {
    const before = last.get(input) ?? NO_GAP;
    last.set(input, { until: Math.max(before.until, until), known: Math.max(before.known, known) });
  }
}
