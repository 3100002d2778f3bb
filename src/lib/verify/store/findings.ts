import type { Span } from '../../model/span.js';
import { formatTime, SECOND, spokenDuration } from '../../model/time.js';
import type { Partition } from '../../storage/files/partition.js';
import type { Finding } from '../day.js';
import type { OpenGap } from '../open-gaps.js';
import { remedy } from './channels.js';
import type { Flaw, SymbolCounts } from './day-scan.js';

/** The findings of a day, by symbol. */
export class FindingsBySymbol {
  readonly #findings = new Map<string, Finding[]>();

  add(symbol: string, ...findings: readonly Finding[]): void {
    this.#findings.set(symbol, [...(this.#findings.get(symbol) ?? []), ...findings]);
  }

  of(symbol: string): readonly Finding[] {
    return this.#findings.get(symbol) ?? [];
  }

  /** Returns the spans of a symbol without records that have a row already. */
  emptyOf(symbol: string): readonly Finding[] {
    return this.of(symbol).filter(({ isEmpty }) => isEmpty);
  }

  symbols(): string[] {
    return [...this.#findings.keys()];
  }
}

/** Returns the findings about single records of a symbol. */
export function recordFindings(counts: SymbolCounts): Finding[] {
  const { crossed, crossedAt = 0, impossible, impossibleAt = 0, numbered, ordered, first } = counts;
  const findings: Finding[] = [];
  if (crossed > 0) {
    const detail = `${crossed} books are crossed (best bid not below best ask), the first of ${formatTime(crossedAt)}`;
    findings.push({ ...moment(crossedAt), verdict: 'mismatch', detail });
  }
  if (impossible > 0) {
    const detail = `${impossible} records have impossible values, the first of ${formatTime(impossibleAt)}`;
    findings.push({ ...moment(impossibleAt), verdict: 'mismatch', detail });
  }
  // Where the exchange orders trades by their numeric id, the id and the sequence of each trade are equal.
  if (numbered > 0 && numbered < ordered) {
    const detail = `${ordered - numbered} trades have another id than their order number: ids were swapped or changed`;
    findings.push({ ...moment(first), verdict: 'mismatch', detail });
  }
  return findings;
}

export function duplicateFinding({ count, at, files }: Flaw): Finding {
  const where = `the first of ${formatTime(at)}, in ${files.join(' and ')}`;
  const detail = `${count} records repeat a key, ${where}; mdtool compact drops them`;
  return { ...moment(at), verdict: 'mismatch', duplicates: count, detail };
}

export function disorderFinding({ count, at, files }: Flaw): Finding {
  const detail = `${count} records are out of order, the first of ${formatTime(at)}, in ${files.join(' and ')}`;
  return { ...moment(at), verdict: 'mismatch', outOfOrder: count, detail };
}

export function chainFinding({ count, at, files }: Flaw): Finding {
  const where = `the first of ${formatTime(at)}${files.length > 0 ? `, in ${files.join(' and ')}` : ''}`;
  const detail = `${count} ${count === 1 ? 'delta does' : 'deltas do'} not continue the book (sequence), ${where}: the book is unknown from there to the next whole snapshot`;
  return { ...moment(at), verdict: 'mismatch', detail };
}

export function crossingFinding({ count, at, files }: Flaw): Finding {
  const where = `the first of ${formatTime(at)}${files.length > 0 ? `, in ${files.join(' and ')}` : ''}`;
  const detail = `${count} ${count === 1 ? 'delta leaves' : 'deltas leave'} the book crossed (best bid not below best ask), ${where}`;
  return { ...moment(at), verdict: 'mismatch', detail };
}

export function gapFinding({ from, until, reason }: OpenGap, series: Pick<Partition, 'type' | 'source'>): Finding {
  const length = until - from < 1000 ? 'less than a millisecond' : spokenDuration((until - from) / SECOND);
  const detail = `${reason}: nothing is known between ${formatTime(from)} and ${formatTime(until)} (${length}); ${remedy(series)}`;
  return { from, until, verdict: 'hole', isEmpty: true, detail };
}

/** Returns the finding about the time before a symbol's first record that a backfill asked for and did not get. */
export function uncoveredFinding(asked: number, first: number): Finding {
  const length = spokenDuration((first - asked) / SECOND);
  const detail = `not covered: backfill asked for it, and the exchange gave nothing between ${formatTime(asked)} and ${formatTime(first)} (${length})`;
  return { from: asked, until: first, verdict: 'suspect', isEmpty: true, detail };
}

/** A median delay of arrival above this (microseconds) is reported: the clock is off, or the network is slow. */
const LATE = 5 * SECOND;

/** Returns a note on a symbol's median delay of arrival (microseconds), undefined where it is ordinary. */
export function delayNote(delay: number): string | undefined {
  const length = `${(Math.abs(delay) / SECOND).toFixed(3)} s`;
  if (delay < 0)
    return `records arrived ${length} before the exchange's own time (median): the clock of the machine that captured them was behind`;
  if (delay <= LATE) return undefined;
  return `records arrived ${length} after the exchange's own time (median): the clock of the machine that captured them was ahead, or it was slow`;
}

/** Clips findings to the selected time; findings about records or files are kept whole. */
export function within(findings: readonly Finding[], { from, until }: Span): Finding[] {
  return findings.flatMap((finding) => {
    if (!finding.isEmpty) return [finding];
    const part = { ...finding, from: Math.max(finding.from, from), until: Math.min(finding.until, until) };
    return part.from < part.until ? [part] : [];
  });
}

function moment(time: number): Span {
  return { from: time, until: time + 1 };
}
