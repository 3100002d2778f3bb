import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlags } from '../../../lib/cli/flags.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import {
  openStoreDirectory,
  requireStore,
  STORE_FORMAT,
  storeFormat,
  storePaths,
} from '../../../lib/storage/files/store-directory.js';

export default class StoreUpgrade extends BaseCommand {
  static override summary = 'Give a store the format of this mdtool.';
  static override description =
    `This mdtool reads every older format as it is, and the next step that writes to a store upgrades it; this command does it now. Older versions of mdtool refuse the store from then on, by the number of its format, because they would read it wrongly. Takes effect with one file: killed at any moment, the store has either format, and a second run changes nothing. Back it up before: there is no way back.`;
  static override examples = [
    {
      description: 'After the installation of a new version',
      command: '<%= config.bin %> <%= command.id %> --store /var/lib/mdtool/store',
    },
    { description: 'See first which format it has', command: '<%= config.bin %> store info' },
  ];

  static override flags = storeFlags;

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(StoreUpgrade);
    await requireStore(flags.store);
    const before = await storeFormat(storePaths(flags.store));
    if (before !== undefined) await openStoreDirectory(flags.store);
    this.summary.note({ format_before: before, format: before === undefined ? undefined : STORE_FORMAT });
    this.stderr.note(`store upgrade: ${flags.store} ${textOf(before)}`);
    return this.summary.document(Date.now() * 1000);
  }
}

function textOf(before: number | undefined): string {
  if (before === undefined) return 'is empty; the first step that writes gives it its format';
  return before === STORE_FORMAT
    ? `has format ${before}; nothing to do`
    : `had format ${before} and has format ${STORE_FORMAT} now`;
}
