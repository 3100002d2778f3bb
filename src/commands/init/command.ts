import { mkdir } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { listOf } from '../../lib/cli/flags.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { systemReason } from '../../lib/disk/system-reason.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { FailureError, UsageError } from '../../lib/model/errors.js';
import { refuseExisting, WholeFile } from '../../lib/sinks/whole-file.js';
import { openStoreDirectory } from '../../lib/storage/files/store-directory.js';
import { type Answers, configurationText } from './template.js';

const IDS = EXCHANGES.map(({ id }) => id);

export default class Init extends BaseCommand {
  static override summary = 'Write a commented mdtool.toml and create the store.';
  static override description =
    `On a terminal it asks where the store is, and for exchanges and symbols; elsewhere, or with --yes, the defaults are taken. An existing mdtool.toml is only replaced with --force. The other settings stand in the file as comments.`;
  static override examples = [
    { description: 'In this folder', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'In another one, without questions', command: '<%= config.bin %> <%= command.id %> /srv/market --yes' },
  ];

  static override args = { folder: Args.string({ description: 'Folder of the configuration and the store.', default: '.' }) };

  static override flags = {
    yes: Flags.boolean({ char: 'y', summary: 'Ask nothing.' }),
    force: Flags.boolean({ summary: 'Replace an existing mdtool.toml.' }),
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(Init);
    const path = join(args.folder, 'mdtool.toml');
    refuseExisting(path, flags.force);
    const asks = !flags.yes && process.stdin.isTTY === true && process.stderr.isTTY === true;
    const answers = asks ? await askAll() : { store: './data', exchanges: [], symbols: [] };
    await mkdir(dirname(path), { recursive: true }).catch((error) => {
      throw new FailureError(`cannot create ${dirname(path)}: ${systemReason(error)}`, { cause: error });
    });
    const store = isAbsolute(answers.store) ? answers.store : join(args.folder, answers.store);
    await openStoreDirectory(store);
    const file = new WholeFile(path, flags.force);
    await file.write(configurationText(answers));
    await file.close();
    this.summary.note({ config: path, store });
    this.stderr.note(`wrote ${path}; the store is ${store}`);
    this.stderr.note(`next: ${args.folder === '.' ? '' : `cd ${args.folder}, `}mdtool doctor, then mdtool stream`);
    return this.summary.document(Date.now() * 1000);
  }
}

/** Asks on stderr, so that stdout stays empty. An answer that is not possible is asked for again. */
async function askAll(): Promise<Answers> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const store = (await terminal.question('Store directory [./data]: ')).trim() || './data';
    const exchanges = await askExchanges((question) => terminal.question(question));
    const symbols = listOf(await terminal.question('Symbols, comma-separated [every USDT perpetual]: '));
    return { store, exchanges, symbols };
  } catch (error) {
    // Ctrl-D and Ctrl-C end the questions.
    throw new UsageError('init: stopped before the last question; nothing was written', { cause: error });
  } finally {
    terminal.close();
  }
}

async function askExchanges(ask: (question: string) => Promise<string>): Promise<string[]> {
  for (;;) {
    const exchanges = listOf((await ask(`Exchanges (${IDS.join(', ')}) [all]: `)).toLowerCase());
    if (exchanges.every((id) => IDS.includes(id))) return exchanges;
  }
}
