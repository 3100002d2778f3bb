import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlags } from '../../../lib/cli/flags.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { counted } from '../../../lib/model/counted.js';
import { formatCount } from '../../../lib/model/number-format.js';
import { repairStore } from '../../../lib/storage/compact.js';
import { findStore, requireStore, type StorePaths } from '../../../lib/storage/files/store-directory.js';
import { startStep } from '../../../lib/storage/journal/step-lock.js';
import { rebuildLog } from '../../../lib/storage/upkeep/rebuild-log.js';

export default class StoreRepair extends BaseCommand {
  static override summary = 'Rebuild a lost log, seal journals of ended runs, clear leftovers.';
  static override description =
    `In this order: rebuilds the log of the store from its Parquet files, if the log was lost or damaged; seals the journals of runs that ended early; hides and later deletes files of seals and merges that were interrupted. Nothing that may hold a record of its own is deleted. A second run changes nothing.

A log is rebuilt only while nothing writes. Files that the store does not need move below state/, including candles whose trades are stored; mdtool candles builds them again. Missing files cannot be detected then. Damaged files of records are found by mdtool verify.`;
  static override examples = [
    { description: 'After a crash of the machine', command: '<%= config.bin %> <%= command.id %> --store /var/lib/mdtool/store' },
    { description: 'Then look for gaps and damaged files', command: '<%= config.bin %> verify --store /var/lib/mdtool/store' },
  ];

  static override flags = storeFlags;

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(StoreRepair);
    await requireStore(flags.store);
    const paths = await findStore(flags.store);
    if (!paths) return this.#conclude('the store is empty');
    const isRebuilt = await this.#rebuild(paths);
    // The lock of compact: both seal and sweep.
    const step = await startStep(flags.store, 'compact', { wait: false, signal: this.stopped });
    if (!step) return this.#conclude('another run is using this store; try again when it has ended');
    try {
      const { orphans, recovered, unknown } = await repairStore(step.context, (message) => this.notice(message));
      for (const path of unknown)
        this.notice(`${path}: unknown to the store's log, so it is not read; kept, since its records may exist nowhere else`);
      this.summary.note({ journals: orphans, recovered });
      const sealed = `sealed ${counted(orphans, 'journal')} with ${counted(recovered, 'record')}`;
      return this.#conclude(orphans > 0 ? sealed : isRebuilt ? 'the log is rebuilt' : 'nothing to do');
    } finally {
      await step.release();
    }
  }

  /** Rebuilds the log of a store and reports the result; returns false where it is intact. */
  async #rebuild(paths: StorePaths): Promise<boolean> {
    const report = await rebuildLog(paths);
    if (!report) return false;
    const { files, records, moved, movedTo, candles } = report;
    this.summary.note({ log_files: files, log_records: records, moved_files: moved });
    this.notice(`rebuilt ${paths.files.named(paths.log)} from ${counted(files, 'file')} with ${counted(records, 'record')}`);
    if (moved > 0) this.notice(`moved ${counted(moved, 'unneeded file')} to ${movedTo}`);
    if (candles > 0)
      this.notice(`${formatCount(candles)} of them are candles whose trades are stored; run mdtool candles to rebuild them`);
    return true;
  }

  #conclude(text: string): SummaryDocument {
    this.stderr.note(`store repair: ${text}`);
    return this.concludeQuietly();
  }
}
