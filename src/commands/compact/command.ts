import type { Interfaces } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { writeRows } from '../../lib/cli/output/row-output.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { findStore } from '../../lib/storage/files/store-directory.js';
import { startStep } from '../../lib/storage/journal/step-lock.js';
import { openStoreContext } from '../../lib/storage/log/store-context.js';
import type { Compaction } from '../../lib/storage/upkeep/compaction.js';
import { compactFlags } from './flags.js';
import { CompactProgress } from './progress.js';
import { runCompact, runRebuild } from './run.js';
import { COMPACTION_COLUMNS, compactionCells } from './text.js';

export default class Compact extends BaseCommand {
  static override summary = 'Merge what is over into one sorted file per day, drop duplicates, remove what is old.';
  static override description =
    `Every day that is over becomes one Parquet file per type, exchange and market, every finished hour of today one; of records with the same key the one that counts stays. A merge takes effect only when counts and content are proven to be the same. Readers and writers go on meanwhile, open segments are not touched, and it may be killed at any time. A second run changes nothing.

Days that are over are then plain Hive-partitioned Parquet: DuckDB, Spark, Polars and others read them by a glob, \`data/trade/**/*.parquet\`. Files that were replaced are deleted an hour later by the next run or writer; until then they are hidden.`;
  static override examples = [
    { description: 'What a run would do', command: '<%= config.bin %> <%= command.id %> --dry-run' },
    {
      description: 'Every night from cron: books for a week, all else for a year',
      command: '<%= config.bin %> <%= command.id %> --store /var/lib/mdtool --keep 365d,book_delta=7d,book_snapshot=7d --quiet',
    },
  ];

  static override flags = compactFlags;

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(Compact);
    const { store: directory, wait } = flags;
    const paths = await findStore(directory);
    if (!paths) return this.#nothing(`${directory}: there is no store yet; stream -o store writes one`);
    if (flags['rebuild-log']) await runRebuild(paths, this.summary, (text) => this.notice(text));
    if (flags['dry-run']) return await this.#compact(openStoreContext(paths), flags);
    const step = await startStep(directory, 'compact', { wait, signal: this.stopped });
    if (!step) return this.#nothing(`${directory}: already running; --wait waits for the other run`);
    try {
      return await this.#compact(step.context, flags);
    } finally {
      await step.release();
    }
  }

  async #compact(context: Parameters<typeof runCompact>[0], flags: CommandFlags): Promise<SummaryDocument> {
    const { 'dry-run': dryRun, keep: retention, exchange, market: markets, since, until } = flags;
    const selection = { exchanges: exchange?.map(({ id }) => id), markets, since, until };
    const done = await runCompact(context, {
      options: { dryRun, retention, selection, signal: this.stopped },
      progress: new CompactProgress({
        isLive: process.stderr.isTTY === true && this.stderr.isConversational,
        write: (text) => process.stderr.write(text),
        elapsed: () => performance.now(),
      }),
      summary: this.summary,
      note: (text) => this.stderr.note(text),
      notice: (text) => this.notice(text),
    });
    if (done.length === 0) this.stderr.note('nothing to do: every day that is over is one file already');
    if (process.stdout.isTTY && !this.jsonEnabled() && done.length > 0) await this.#show(done);
    return this.conclude();
  }

  async #show(done: readonly Compaction[]): Promise<void> {
    const rows = async function* () {
      yield done.map(compactionCells);
    };
    const note = (text: string) => this.stderr.note(text);
    const table = { columns: COMPACTION_COLUMNS, rowCount: done.length, rows };
    await writeRows(table, { format: 'table', stdout: process.stdout, force: false, note });
  }

  #nothing(reason: string): SummaryDocument {
    this.notice(reason);
    return this.conclude();
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof compactFlags>;
