import type { Line } from './capture-process.js';
import { holding } from './owed.js';
import type { Run, Stage } from './stage.js';
import type { Stored, StoredGap } from './stored.js';
import { addTotals, type Totals } from './totals.js';

type Judgement = { readonly problems: string[]; readonly totals: Totals };

/** Holds every run to what it said: what was printed is stored, the summary counts it, and the exit code follows from it. */
export function judgeRuns({ runs }: Stage, stored: Stored, { problems, totals }: Judgement): void {
  const ids = new Set(stored.trades.map(({ symbol, id }) => `${symbol} ${id}`));
  const gaps = new Set(stored.gaps.map(gapKey));
  const books = new Set(stored.books.map(({ type, symbol, local_timestamp }) => `${type} ${symbol} ${local_timestamp}`));
  const isStored = (line: Line): boolean => {
    if (line.type === 'trade') return ids.has(`${line.symbol} ${line.id}`);
    if (line.type === 'gap') return gaps.has(gapKey(line as unknown as StoredGap));
    return !line.type.startsWith('book') || books.has(`${line.type} ${line.symbol} ${line.local_timestamp}`);
  };
  for (const [place, run] of runs.entries()) {
    const say = (what: string) => void problems.push(`run ${place + 1}: ${what}`);
    const absent = run.capture.lines.filter((line) => !isStored(line));
    if (absent.length > 0) say(`${absent.length} records were printed and are not stored: ${JSON.stringify(absent[0])}`);
    judgeOnce(run.capture.lines, say);
    judgeArrivals(run.capture.lines, say);
    judgeMoments(run.capture.lines, say);
    if (run.ending === 'stop') judgeEnd(run, say);
    addTotals(totals, { runs: 1, kills: run.ending === 'kill' ? 1 : 0 });
  }
  judgeSums(runs, stored, (what) => void problems.push(what));
}

/** No run gives a trade twice, which a store would not show. */
function judgeOnce(lines: readonly Line[], say: (what: string) => void): void {
  const given = lines.filter(({ type }) => type === 'trade').map(({ symbol, id }) => `${symbol} ${id}`);
  const once = new Set(given);
  if (once.size < given.length) say(`${given.length - once.size} trades were printed more than once`);
}

/** `local_timestamp` is strictly increasing within one run; what was fetched has none, and an alarm has the time of its look. */
function judgeArrivals(lines: readonly Line[], say: (what: string) => void): void {
  let last: Line | undefined;
  for (const line of lines) {
    const { local_timestamp: at, type, symbol } = line;
    if (at === undefined || type === 'clock' || type === 'event') continue;
    if (last && at <= (last.local_timestamp ?? 0))
      say(`${type} of ${symbol} arrived at ${at}, not after ${JSON.stringify(last)}`);
    last = line;
  }
}

/** A gap comes before what came after the hole; only what became of a hole that was told already may come later. */
function judgeMoments(lines: readonly Line[], say: (what: string) => void): void {
  const latest = new Map<string, number>();
  const told = new Set<string>();
  for (const line of lines) {
    const { type, symbol = '', timestamp, channel, reason, from_timestamp } = line;
    if (type === 'trade') latest.set(symbol, Math.max(timestamp, latest.get(symbol) ?? 0));
    if (type !== 'gap' || channel !== 'trade') continue;
    const hole = `${symbol} ${reason} ${from_timestamp}`;
    const last = latest.get(symbol) ?? 0;
    if (!told.has(hole) && last > timestamp) say(`a gap of ${symbol} until ${timestamp} comes after a trade of ${last}`);
    told.add(hole);
  }
}

function judgeEnd({ capture, code }: Run, say: (what: string) => void): void {
  const { summary, lines } = capture;
  if (!summary) {
    say(`ended with ${code} and no summary: ${capture.log.slice(-3).join(' | ')}`);
    return;
  }
  const counts: Record<string, number> = {};
  for (const { type } of lines) counts[type] = (counts[type] ?? 0) + 1;
  if (JSON.stringify(sorted(counts)) !== JSON.stringify(sorted(summary.records)))
    say(`printed ${JSON.stringify(sorted(counts))}, summary says ${JSON.stringify(sorted(summary.records))}`);
  const gaps = holding(lines.filter(({ type }) => type === 'gap') as unknown as StoredGap[]);
  const holes = gaps.filter(({ missing, reason }) => missing && reason !== 'shutdown').length;
  const isUnlisted = summary.reasons.some((reason) => reason.includes('unreadable instrument'));
  const isIncomplete = holes > 0 || isUnlisted || Object.keys(summary.rejected).length > 0 || summary.dropped_records > 0;
  const expected = isIncomplete ? INCOMPLETE : 0;
  if (code !== expected && (code !== UNREACHABLE || summary.connects > 0))
    say(`exit code ${code} with ${holes} holes: ${JSON.stringify(summary.reasons)}`);
  if (summary.exit_code !== code) say(`exit code ${code}, summary says ${summary.exit_code}`);
}

const INCOMPLETE = 3;
const UNREACHABLE = 5;

/** Where no run was killed, the store holds what the summaries count, and nothing else. */
function judgeSums(runs: readonly Run[], stored: Stored, say: (what: string) => void): void {
  if (runs.some(({ ending }) => ending === 'kill')) return;
  const claimed = (type: string) => runs.reduce((sum, { capture }) => sum + (capture.summary?.records[type] ?? 0), 0);
  const counts = { trade: stored.trades.length, gap: stored.gaps.length };
  for (const [type, count] of Object.entries(counts))
    if (count !== claimed(type)) say(`${count} ${type} are stored, the summaries say ${claimed(type)}`);
}

function gapKey({ channel, symbol, from_timestamp, until_timestamp, reason, local_timestamp }: StoredGap): string {
  return `${channel} ${symbol} ${from_timestamp} ${until_timestamp} ${reason} ${local_timestamp}`;
}

function sorted(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
}
