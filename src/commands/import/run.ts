import type { Interfaces } from '@oclif/core';
import { createColors } from '../../lib/cli/output/colors.js';
import { renderTable, tableOf } from '../../lib/cli/output/table.js';
import type { Summary } from '../../lib/cli/summary.js';
import { type ImportReport, openSources, runImport } from '../../lib/import/import-run.js';
import type { ImportOptions } from '../../lib/import/options.js';
import type { SourceFile } from '../../lib/import/source-file.js';
import { runMerge } from '../../lib/import/store-merge.js';
import { BrokenLines } from '../../lib/input/broken-lines.js';
import { counted } from '../../lib/model/counted.js';
import { FailureError } from '../../lib/model/errors.js';
import type { AnyRecord, RecordType } from '../../lib/model/records.js';
import { formatTime } from '../../lib/model/time.js';
import { findStore, requireStore } from '../../lib/storage/files/store-directory.js';
import { startStep } from '../../lib/storage/journal/step-lock.js';
import type { StoreContext } from '../../lib/storage/log/store-context.js';
import type { importFlags } from './flags.js';
import { mappingFacts, mappingText, sampleRows } from './text.js';

type CommandFlags = Interfaces.InferredFlags<typeof importFlags>;

type RunOptions = {
  /** Opens the store that takes the records, if one does. */
  readonly open: (() => Promise<StoreContext>) | undefined;
  /** Whether other outputs take them as well. */
  readonly others: boolean;
  /** Prints one refusal. */
  readonly report: (reason: string) => void;
};

/** The lock of an import on its store. */
type StoreLock = { open(): Promise<StoreContext>; release(): Promise<void> };

/** Takes the lock on a store, undefined while another run holds it. A directory becomes a store when `open` is called. */
export async function lockStore({ store, wait }: CommandFlags, signal: AbortSignal): Promise<StoreLock | undefined> {
  const start = () => startStep(store, 'import', { wait, signal });
  const isStore = (await findStore(store)) !== undefined;
  let step = isStore ? await start() : undefined;
  if (isStore && !step) return undefined;
  return {
    async open() {
      step ??= await start();
      if (!step) throw new FailureError(`${store}: another run is using this store since; import again, or wait with --wait`);
      return step.context;
    },
    release: async () => await step?.release(),
  };
}

type DryRunOptions = {
  readonly summary: Summary;
  readonly report: (reason: string) => void;
  /** Undefined when one JSON document is printed instead. */
  readonly stdout: NodeJS.WriteStream | undefined;
};

/** An import whose files are open and whose mappings are decided. */
export type PreparedImport = {
  readonly types: readonly RecordType[] | undefined;
  run(options: RunOptions): {
    readonly records: AsyncIterable<readonly AnyRecord[]>;
    /** The number of records that the store took; known at the end. */
    readonly stored: { records: number };
    readonly summarize: (summary: Summary) => void;
  };
  /** Reads everything, prints what an import would do, and returns it as data. */
  dryRun(options: DryRunOptions): Promise<unknown[]>;
};

/** Decides how each file is read. Throws a `UsageError` that names the flag to give. */
export async function prepareImport(paths: readonly string[], flags: CommandFlags): Promise<PreparedImport> {
  if (flags.from !== undefined) await requireStore(flags.from);
  const sources = flags.from === undefined ? await openSources(paths, optionsOf(flags)) : [];
  const types = typesOf(sources);
  return {
    types: flags.from === undefined ? types : undefined,
    run: (options) => start(sources, flags, options),
    dryRun: (options) => dryRun(sources, flags, options),
  };
}

function optionsOf(flags: CommandFlags): ImportOptions {
  return {
    as: flags.as,
    preset: flags.preset,
    exchange: flags.exchange,
    market: flags.market,
    symbol: flags.symbols,
    interval: flags.interval,
    columns: flags.columns,
    timeUnit: flags['time-unit'],
    inputTz: flags['input-tz'],
    sides: flags['side-map'],
    delimiter: flags.delimiter,
    noHeader: flags['no-header'],
    decimal: flags.decimal,
  };
}

/** Returns the types of the records, undefined when a file of mdtool's records may hold any. */
function typesOf(sources: readonly SourceFile[]): RecordType[] | undefined {
  const types = new Set<RecordType>();
  for (const source of sources) {
    if (source.table === undefined) return undefined;
    types.add(source.mapping.type);
    for (const { type } of source.mapping.preset?.also ?? []) types.add(type);
  }
  return [...types];
}

function newReport(): ImportReport {
  return { read: 0, repeated: 0, sideless: 0, added: 0, known: 0, stored: new Map() };
}

function start(sources: readonly SourceFile[], flags: CommandFlags, { open, others, report }: RunOptions) {
  const broken = new BrokenLines(report);
  const cut: string[] = [];
  const facts = newReport();
  const listener = { refused: (reason: string) => broken.broken(reason), truncated: (reason: string) => void cut.push(reason) };
  const store = open && { directory: flags.store, open };
  const stored = {
    get records() {
      return facts.added;
    },
  };
  const records =
    flags.from === undefined
      ? runImport(sources, { store, yields: others }, listener, facts)
      : runMerge(flags.from, { store, yields: others }, listener, facts);
  return {
    records,
    stored,
    summarize: (summary: Summary) => summarize(summary, facts, { broken, cut, isStored: store !== undefined }),
  };
}

type Losses = { readonly broken: BrokenLines; readonly cut: readonly string[]; readonly isStored: boolean };

function summarize(summary: Summary, facts: ImportReport, { broken, cut, isStored }: Losses): void {
  summary.note({
    rows_refused: broken.count,
    duplicates: facts.repeated,
    trades_without_side: facts.sideless,
    ...(isStored ? { stored_before: facts.known } : {}),
  });
  // Records that only the store takes pass no output.
  if (summary.total === 0) for (const [type, count] of facts.stored) summary.count(type, count);
  for (const reason of cut) summary.incomplete(`${reason}; what was read counts; import it again when it is complete`);
  if (broken.count > 0) summary.incomplete(`${counted(broken.count, 'input row')} refused`);
}

async function dryRun(
  sources: readonly SourceFile[],
  flags: CommandFlags,
  { summary, report, stdout }: DryRunOptions,
): Promise<unknown[]> {
  const run = start(sources, flags, { open: undefined, others: true, report });
  const first = new Map<RecordType, AnyRecord[]>();
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for await (const batch of run.records) {
    for (const record of batch) {
      summary.count(record.type);
      const kept = first.get(record.type) ?? [];
      if (kept.length === 0) first.set(record.type, kept);
      if (kept.length < 5) kept.push(record);
      least = Math.min(least, record.timestamp ?? least);
      most = Math.max(most, record.timestamp ?? most);
    }
  }
  run.summarize(summary);
  const times = most > 0 ? { first: formatTime(least), last: formatTime(most) } : {};
  if (stdout) stdout.write(await dryRunText(sources, first, times, stdout));
  summary.note({ ...times, dry_run: true });
  return sources.map(mappingFacts);
}

type Times = { readonly first?: string; readonly last?: string };

async function dryRunText(
  sources: readonly SourceFile[],
  records: ReadonlyMap<RecordType, readonly AnyRecord[]>,
  { first, last }: Times,
  stdout: NodeJS.WriteStream,
): Promise<string> {
  const colors = createColors(stdout);
  const width = stdout.columns ?? 160;
  const parts: string[] = [];
  for (const source of sources) {
    parts.push(mappingText(source));
    const rows = sampleRows(source);
    if (rows) parts.push(`rows in the file\n${(await renderTable(rows, width, colors)).text}`);
  }
  for (const [type, rows] of records)
    parts.push(`${type} records\n${(await renderTable(tableOf(type, rows), width, colors)).text}`);
  if (first !== undefined) parts.push(`times from ${first} to ${last}`);
  return `${parts.join('\n\n')}\n`;
}
