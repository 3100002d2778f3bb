/**
 * Ids of segments. A segment is the content of one journal file; its id is `<writer>-<n>`, n counting from 0 within a
 * writer. A merged file carries the ids of all segments that it replaces, as ranges: `w-3:59`.
 */
export type Segments = readonly string[];

const SEGMENT = /^(.+)-(\d+)$/;
const RANGE = /^(.+)-(\d+)(?::(\d+))?$/;

/** Returns the writer and the number of a segment id, undefined when the text is not a segment id. */
export function parseSegment(id: string): { writer: string; number: number } | undefined {
  const match = SEGMENT.exec(id);
  return match ? { writer: match[1] as string, number: Number(match[2]) } : undefined;
}

/** Returns the union of several lists of segments, as few ranges as possible, in order. */
export function uniteSegments(lists: readonly Segments[]): string[] {
  const numbers = new Map<string, Set<number>>();
  for (const [writer, from, until] of lists.flat().map(parseRange)) {
    const known = numbers.get(writer) ?? new Set();
    for (let number = from; number <= until; number++) known.add(number);
    numbers.set(writer, known);
  }
  return [...numbers].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([writer, known]) => rangesOf(writer, [...known]));
}

/** Returns whether a list of segments has this one. */
export function hasSegment(segments: Segments, id: string): boolean {
  const wanted = parseSegment(id);
  return segments.some((range) => {
    const [writer, from, until] = parseRange(range);
    return writer === wanted?.writer && from <= wanted.number && wanted.number <= until;
  });
}

/** Returns the ids in a list of segments, one by one. */
export function expandSegments(segments: Segments): string[] {
  return segments.map(parseRange).flatMap(([writer, from, until]) => {
    return Array.from({ length: until - from + 1 }, (_, index) => `${writer}-${from + index}`);
  });
}

function parseRange(range: string): [writer: string, from: number, until: number] {
  const match = RANGE.exec(range);
  if (!match) throw new Error(`not a segment: ${range}`);
  return [match[1] as string, Number(match[2]), Number(match[3] ?? match[2])];
}

function rangesOf(writer: string, numbers: number[]): string[] {
  const ranges: [from: number, until: number][] = [];
  for (const number of numbers.sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, until]) => (from === until ? `${writer}-${from}` : `${writer}-${from}:${until}`));
}
