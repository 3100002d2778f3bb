import { counted } from '../model/counted.js';
import { formatCount, formatSize } from '../model/number-format.js';
import type { RecordType } from '../model/records.js';
import { isRedis } from '../redis/url.js';
import type { SinkReport, Tally } from '../sinks/sink.js';

/** Facts of one step beside its records: `frames`, `unknown`, `connections`… Keys of the `--json` document. */
export type Facts = Readonly<Record<string, unknown>>;

/** What the closing line shows. */
type SummaryContent = {
  readonly command: string;
  /** What happened to the records, if neither an output nor "stored" says it: `merged`. */
  readonly verb: string | undefined;
  readonly records: Readonly<Tally>;
  readonly outputs: readonly SinkReport[];
  /** The store's directory, shown for the output `store`. */
  readonly store: string | undefined;
  readonly facts: Facts;
  readonly seconds: number;
};

/** Nouns of the record types, one and many. Types that are not listed form both from their name. */
const NOUNS: Partial<Record<RecordType, readonly [string, string]>> = {
  open_interest: ['open interest record', 'open interest records'],
  funding: ['funding rate', 'funding rates'],
  clock: ['clock tick', 'clock ticks'],
  micro: ['micro row', 'micro rows'],
  features: ['feature row', 'feature rows'],
  coverage: ['coverage row', 'coverage rows'],
  equity: ['equity point', 'equity points'],
};

/** Facts that only the `--json` document shows, by key or by the start of the key. */
const HIDDEN: ReadonlySet<string> = new Set(
  'frames bytes connects silent broken book_messages subscriptions_confirmed redis_published input_records signals'.split(' '),
);
const HIDDEN_PREFIXES = ['lag_', 'clock_offset_', 'paper_'];

type Phrase = (value: number, facts: Facts) => string;
const noun =
  (one: string, many?: string): Phrase =>
  (value) =>
    counted(value, one, many);

/** How a fact reads. The order of the keys is the order in the line; other facts follow under their own name. */
const PHRASES: Readonly<Record<string, Phrase>> = {
  symbols: noun('symbol'),
  partitions: noun('partition'),
  files_before: (value, facts) => `${formatCount(value)} → ${counted(Number(facts.files_after), 'file')}`,
  files_after: () => '',
  bytes_before: (value, facts) => `${formatSize(value)} → ${formatSize(Number(facts.bytes_after))}`,
  bytes_after: () => '',
  inputs: noun('input record'),
  trades_read: noun('trade read', 'trades read'),
  candles_read: noun('candle read', 'candles read'),
  days_changed: noun('day updated', 'days updated'),
  rows: noun('row'),
  warm_rows: noun('warm row'),
  warm_symbols: noun('warm symbol'),
  revised_rows: noun('row revised', 'rows revised'),
  history_trades_left_out: noun('historical trade skipped', 'historical trades skipped'),
  duplicate_trades: noun('duplicate trade dropped', 'duplicate trades dropped'),
  duplicates: noun('duplicate dropped', 'duplicates dropped'),
  rows_refused: noun('row refused', 'rows refused'),
  trades_without_side: noun('trade without side', 'trades without side'),
  stored_before: noun('record stored before', 'records stored before'),
  late: noun('late record'),
  unused: noun('unused record'),
  trades_repaired: noun('trade recovered', 'trades recovered'),
  gaps_repaired: noun('gap repaired', 'gaps repaired'),
  gaps_missing: noun('unrepaired gap'),
  gaps_missing_before: noun('unrepaired gap between runs', 'unrepaired gaps between runs'),
  unmarked_gaps: noun('unmarked gap'),
  lines_out_of_order: noun('tape line out of order', 'tape lines out of order'),
  unknown: noun('unknown frame'),
  refused: noun('refused request'),
  reconnects: noun('reconnect'),
  failed_connects: noun('failed connect'),
  polls_answered: noun('poll answered', 'polls answered'),
  polls_failed: noun('poll failed', 'polls failed'),
  queue_most: (value) => `peak queue ${formatCount(value)}`,
  dropped_records: noun('record dropped', 'records dropped'),
  tape_bytes: (value) => `tape ${formatSize(value)}`,
  removed_records: noun('record deleted', 'records deleted'),
  log_files: noun('file in the log', 'files in the log'),
  log_records: noun('record in the log', 'records in the log'),
  moved_files: noun('file moved', 'files moved'),
  damaged_files: noun('damaged file'),
  compared: noun('candle compared', 'candles compared'),
};

/** Returns the closing line: records, where they went, the time taken, and facts that are not 0. */
export function summaryLine(content: SummaryContent): string {
  const { command, seconds, facts } = content;
  const details = [...content.outputs.flatMap(skippedText), ...partTexts(content), ...factTexts(facts)];
  const note = details.length > 0 ? ` (${details.join('; ')})` : '';
  return `${command}: ${countsText(content)}${placeText(content)} in ${seconds.toFixed(1)} s${note}`;
}

function countsText({ records, outputs }: SummaryContent): string {
  // A store has no clock records: counting them among the stored ones would be wrong.
  const isStored = outputs.some(({ output }) => output === 'store');
  const counts = Object.entries(records)
    .filter(([type]) => !(isStored && type === 'clock'))
    .sort(([a], [b]) => Number(a === 'clock') - Number(b === 'clock'))
    .map(([type, count]) => recordCount(type as RecordType, count));
  return counts.length > 0 ? counts.join(', ') : 'no records';
}

function recordCount(type: RecordType, count: number): string {
  const [one, many] = NOUNS[type] ?? [type.replaceAll('_', ' '), undefined];
  return counted(count, one, many);
}

function placeText({ records, verb, outputs, store = 'the store' }: SummaryContent): string {
  const isEmpty = Object.values(records).every((count) => count === 0);
  if (isEmpty) return '';
  const stored = outputs.some(({ output }) => output === 'store') ? [`stored in ${store}`] : [];
  const others = outputs.map(({ output }) => output).filter((output) => !['store', '-', 'none'].includes(output));
  const [targets, files] = [others.filter(isRedis), others.filter((output) => !isRedis(output))];
  const written = files.length > 0 ? [`written to ${files.join(', ')}`] : [];
  const published = targets.length > 0 ? [`published to ${targets.join(', ')}`] : [];
  const parts = [...(verb ? [verb] : []), ...stored, ...written, ...published];
  return parts.length > 0 ? ` ${parts.join(' and ')}` : '';
}

function skippedText({ output, skipped }: SinkReport): string[] {
  const counts = Object.entries(skipped).map(([type, count]) => recordCount(type as RecordType, count));
  return counts.length > 0 ? [`${counts.join(' and ')} skipped in ${output === '-' ? 'stdout' : output}`] : [];
}

/** The counts of a step are those of its work: `--limit` and `--tail` show less of it. */
function partTexts({ outputs }: SummaryContent): string[] {
  return outputs.flatMap(({ output, part, records }) =>
    part === undefined ? [] : [`the ${part} ${formatCount(records)} ${output === '-' ? 'printed' : `in ${output}`}`],
  );
}

function factTexts(facts: Facts): string[] {
  const known = Object.keys(PHRASES).filter((key) => key in facts);
  const others = Object.keys(facts).filter((key) => !(key in PHRASES) && !isHidden(key));
  return [...known, ...others].map((key) => factText(key, facts)).filter((text) => text !== '');
}

function factText(key: string, facts: Facts): string {
  const value = facts[key];
  const words = key.replaceAll('_', ' ');
  if (typeof value === 'string') return key === 'data' ? value : `${words}: ${value}`;
  if (value === true) return words;
  const kinds = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  const count = typeof value === 'number' ? value : kinds.reduce((sum, [, more]) => sum + Number(more), 0);
  if (count === 0) return '';
  const names = kinds.filter(([kind]) => /^[a-z_0-9]+$/.test(kind)).map(([kind, more]) => `${kind} ${formatCount(more)}`);
  const text = PHRASES[key]?.(count, facts) ?? `${formatCount(count)} ${words}`;
  return names.length > 0 && names.length === kinds.length ? `${text}: ${names.join(', ')}` : text;
}

function isHidden(key: string): boolean {
  return HIDDEN.has(key) || HIDDEN_PREFIXES.some((prefix) => key.startsWith(prefix));
}
