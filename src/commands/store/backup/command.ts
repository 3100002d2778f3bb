import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlags } from '../../../lib/cli/flags.js';
import { progressOn } from '../../../lib/cli/progress.js';
import { CopyProgress, copyText, type RunCopies, runCopies } from '../../../lib/cli/store-copy.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { backUpStore } from '../../../lib/storage/backup/backup.js';
import { requireStore } from '../../../lib/storage/files/store-directory.js';

export default class StoreBackup extends BaseCommand {
  static override summary = 'Copy a store while others write to it.';
  static override description =
    `The copy shows one moment: every record whose write had returned when the backup began, each once, and the journals of grid runs. Each file is compared with its digest on the way. DEST is a directory, s3://BUCKET/PREFIX, or a .tar file.

A directory or prefix is a store that can be queried and verified as it is. The next backup into it copies only what is new and drops what the store no longer has; until it is finished, the earlier one holds. A .tar file is made anew each time. Killed at any moment, a backup leaves the earlier one, and the next run goes on. Journals of grid runs go into directories and files only.`;
  static override examples = [
    {
      description: 'Nightly, what is new since the last one',
      command: '<%= config.bin %> <%= command.id %> /mnt/backup/mdtool --store /var/lib/mdtool/store',
    },
    { description: 'One file', command: '<%= config.bin %> <%= command.id %> market.tar' },
    { description: 'Into a bucket', command: '<%= config.bin %> <%= command.id %> s3://backups/mdtool' },
  ];

  static override args = {
    dest: Args.string({ name: 'DEST', description: 'Directory, s3://BUCKET/PREFIX or FILE.tar.', required: true }),
  };

  static override flags = {
    ...storeFlags,
    force: Flags.boolean({ summary: 'Replace a .tar file that exists.' }),
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(StoreBackup);
    await requireStore(flags.store);
    const runs: RunCopies = await runCopies(flags.store, args.dest, (text) => this.notice(text));
    const progress = new CopyProgress('store backup', progressOn(this.stderr));
    try {
      const { extras } = runs;
      const options = { force: flags.force, signal: this.stopped, extras, onProgress: progress.update };
      const report = await backUpStore(flags.store, args.dest, options);
      progress.end();
      if (report) this.summary.note({ ...copyText.facts(report), runs: extras.length });
      const text = report ? `${copyText.line(report)}, in ${args.dest}` : 'another backup of this store is running';
      this.stderr.note(`store backup: ${text}`);
      return this.concludeQuietly();
    } finally {
      progress.end();
      await runs.close();
    }
  }
}
