import { Args } from '@oclif/core';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlags } from '../../../lib/cli/flags.js';
import { progressOn } from '../../../lib/cli/progress.js';
import { CopyProgress, copyText, runCopies } from '../../../lib/cli/store-copy.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { isArchive } from '../../../lib/storage/backup/archive-copy.js';
import { restoreStore } from '../../../lib/storage/backup/backup.js';

export default class StoreRestore extends BaseCommand {
  static override summary = 'Make a store of a backup.';
  static override description =
    `FROM is a directory, s3://BUCKET/PREFIX or a .tar file that store backup wrote; --store is a new or empty place. Each file is compared with its digest. The place becomes a store at the very end: killed in between, nothing takes it for one. The same command then goes on; a .tar file needs an empty directory again.

A grid run whose journal comes from a backup halts before it sends anything, since orders may have been placed after the backup.`;
  static override examples = [
    {
      description: 'From a directory',
      command: '<%= config.bin %> <%= command.id %> /mnt/backup/mdtool --store /var/lib/mdtool/store',
    },
    {
      description: 'From one file, and prove it',
      command:
        '<%= config.bin %> <%= command.id %> market-2026-11.tar --store restored && <%= config.bin %> verify --store restored',
    },
  ];

  static override args = {
    from: Args.string({ name: 'FROM', description: 'Directory, s3://BUCKET/PREFIX or FILE.tar.', required: true }),
  };

  static override flags = storeFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(StoreRestore);
    const runs = isArchive(args.from) ? undefined : await runCopies(args.from, flags.store, (text) => this.notice(text));
    const progress = new CopyProgress('store restore', progressOn(this.stderr));
    try {
      const options = { signal: this.stopped, extras: runs?.extras ?? [], onProgress: progress.update };
      const report = await restoreStore(args.from, flags.store, options);
      progress.end();
      this.summary.note(copyText.facts(report));
      this.stderr.note(`store restore: ${copyText.line(report)}, in ${flags.store}; mdtool verify proves it`);
      return this.concludeQuietly();
    } finally {
      progress.end();
      await runs?.close();
    }
  }
}
