import { Flags } from '@oclif/core';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { listOf, storeFlags } from '../../../lib/cli/flags.js';
import { writeRows } from '../../../lib/cli/output/row-output.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { UsageError } from '../../../lib/model/errors.js';
import { requireStore } from '../../../lib/storage/files/store-directory.js';
import { CONTENT_KEYS, type ContentKey } from '../../../lib/storage/reading/store-content.js';
import { contentCells, contentColumns, factLines, readInfo } from './info.js';

export default class StoreInfo extends BaseCommand {
  static override summary = 'Show what a store has: format, sizes, writers, journals.';
  static override description =
    'Prints the format, the sealed files by type (--by: by day, symbol and more), the oldest and the newest record, who writes to it, the journals that are not sealed yet and the free disk. Opens no file of records, except for --by symbol. The size of a symbol is its share of the records of its files.';
  static override examples = [
    { description: 'Sizes by type', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'What each day of books takes',
      command: '<%= config.bin %> <%= command.id %> --by type,day --store /var/lib/mdtool/store',
    },
    {
      description: 'Sizes by symbol, for a program',
      command: '<%= config.bin %> <%= command.id %> --by exchange,market,symbol --json',
    },
  ];

  static override flags = {
    by: Flags.custom<readonly ContentKey[]>({
      summary: `Sum the sizes up by some of ${CONTENT_KEYS.join(', ')}.`,
      helpValue: 'LIST',
      default: ['type'],
      defaultHelp: async () => 'type',
      parse: async (text) => keysOf(text),
    })(),
    ...storeFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(StoreInfo);
    await requireStore(flags.store);
    const info = await readInfo(flags.store, flags.by);
    this.summary.note(info.facts);
    this.summary.data = info.content;
    if (this.jsonEnabled()) return this.concludeQuietly();
    this.log(factLines(info).join('\n'));
    const rows = async function* () {
      yield info.content.map((content) => contentCells(content, flags.by));
    };
    const table = { columns: contentColumns(flags.by), rowCount: info.content.length, rows };
    // What it says about rows that are not shown names flags that this command lacks.
    const note = () => this.stderr.note('not all rows are shown: --json prints them all');
    if (info.content.length > 0) await writeRows(table, { format: 'table', stdout: process.stdout, force: false, note });
    return this.concludeQuietly();
  }
}

function keysOf(text: string): readonly ContentKey[] {
  const keys = listOf(text).map((name) => {
    const key = CONTENT_KEYS.find((candidate) => candidate === name);
    if (key === undefined) throw new UsageError(`--by: expected some of ${CONTENT_KEYS.join(', ')}, was "${name}"`);
    return key;
  });
  if (keys.length === 0) throw new UsageError(`--by: expected some of ${CONTENT_KEYS.join(', ')}, was "${text}"`);
  return [...new Set(keys)];
}
