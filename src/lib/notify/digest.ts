import { counted } from '../model/counted.js';
import { formatTime } from '../model/time.js';
import { labelOf, type Notice, type Severity } from './notice.js';

/** Notices of a group up to this number are listed one by one. */
const LISTED = 3;
/** A message has at most this number of lines of its own; beyond it, groups are counted. */
const LINES = 15;
/** Microseconds after which a line says when it happened. */
const LATE = 60_000_000;

/** Notices of one source and one noun, as a count. */
export type Count = {
  readonly source: string;
  readonly mode: Notice['mode'];
  readonly severity: Severity;
  readonly one: string;
  readonly many: string;
  first: number;
  last: number;
  count: number;
};

type Line = { readonly text: string; readonly weight: number };

const PREFIX: Readonly<Record<Severity, string>> = { alarm: 'ALARM  ', warning: 'WARNING  ', routine: '' };

/** Returns the line of one notice; `now` (microseconds) decides whether it says when that was. */
export function lineOf(notice: Notice, now: number, repeats = 0): string {
  const late = now - notice.time > LATE ? `  (at ${formatTime(notice.time).replace(/\.\d+Z$/, 'Z')})` : '';
  const again = repeats > 0 ? `  (${counted(repeats, 'repeat')} suppressed)` : '';
  const prefix = notice.clears === undefined ? PREFIX[notice.severity] : 'CLEARED  ';
  return plain(`${prefix}${labelOf(notice)}  ${notice.text}${again}${late}`);
}

/** Adds a notice to counts by source and noun. */
export function count(counts: Map<string, Count>, { source, mode, severity, one, many, seq }: Notice): void {
  const key = JSON.stringify([source, many, severity]);
  const known = counts.get(key);
  if (!known) {
    counts.set(key, { source, mode, severity, one, many, first: seq, last: seq, count: 1 });
    return;
  }
  known.first = Math.min(known.first, seq);
  known.last = Math.max(known.last, seq);
  known.count += 1;
}

function countLine({ source, mode, severity, one, many, first, last, count: number }: Count): Line {
  const text = `${PREFIX[severity]}${labelOf({ mode, source, seq: first }, last)}  ${counted(number, one, many)}`;
  return { text: plain(text), weight: number };
}

/** Lines of the notices in their order; a group that is too large stands as a count where its first notice stood. */
function linesOf(notices: readonly Notice[], now: number, listed: number): Line[] {
  const counts = new Map<string, Count>();
  for (const notice of notices) count(counts, notice);
  const done = new Set<Count>();
  return notices.flatMap((notice) => {
    const group = counts.get(JSON.stringify([notice.source, notice.many, notice.severity])) as Count;
    if (group.count <= listed) return [{ text: lineOf(notice, now), weight: 1 }];
    if (done.has(group)) return [];
    done.add(group);
    return [countLine(group)];
  });
}

/**
 * Returns one message about several notices and about what was only counted. It has at most `limit` characters, and its numbers
 * add up: what has no line of its own is in a count, and what has no count is in the last line.
 */
export function digest(notices: readonly Notice[], counts: Iterable<Count>, limit: number, now: number): string {
  const backlog = [...counts].map(countLine);
  let lines = [...backlog, ...linesOf(notices, now, LISTED)];
  if (lines.length > LINES) lines = [...backlog, ...linesOf(notices, now, 1)];
  const total = lines.reduce((sum, { weight }) => sum + weight, 0);
  const header = total === 1 ? [] : [counted(total, 'event')];
  return fitted(header, lines, limit);
}

function fitted(header: readonly string[], lines: readonly Line[], limit: number): string {
  const whole = [...header, ...lines.map(({ text }) => text)].join('\n');
  if (whole.length <= limit) return whole;
  const only = lines[0];
  if (lines.length === 1 && only) return shortened([...header, only.text].join('\n'), limit);
  const taken = [...header];
  let [length, rest] = [taken.join('\n').length, lines.reduce((sum, { weight }) => sum + weight, 0)];
  // Room for the line that counts the rest.
  const room = limit - ' … and 1,000,000,000 more'.length - 1;
  for (const { text, weight } of lines) {
    if (length + 1 + text.length > room) break;
    taken.push(text);
    length += 1 + text.length;
    rest -= weight;
  }
  return [...taken, `… and ${rest.toLocaleString('en-US')} more`].join('\n');
}

/** Cuts a text to at most `limit` characters, and not through a pair of surrogates. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit - 1);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** Texts of an exchange may hold line ends, and characters that a chat would act upon. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trimEnd();
}
