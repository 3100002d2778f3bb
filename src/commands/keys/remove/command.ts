import * as Args from '@oclif/core/args';
import { openKeyStore } from '../../../lib/cli/account-access.js';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { keyName } from '../../../lib/secrets/key-entry.js';
import { oneExchange } from '../flags.js';

export default class KeysRemove extends BaseCommand {
  static override summary = 'Forget a key.';
  static override description =
    'Removes the key from where it is kept. The exchange still accepts it: delete it there too. Keys of the environment are not touched.';
  static override examples = [
    { description: 'Forget a key', command: '<%= config.bin %> <%= command.id %> default --exchange bitget' },
    { description: 'A second account', command: '<%= config.bin %> <%= command.id %> second --exchange bybit' },
  ];

  static override args = {
    name: Args.string({ required: true, description: 'Name of the key.', parse: async (text) => keyName(text) }),
  };
  static override flags = { exchange: oneExchange };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(KeysRemove);
    await openKeyStore().remove(flags.exchange.id, args.name);
    this.summary.note({ exchange: flags.exchange.id, name: args.name });
    this.stderr.note(`forgot the key ${flags.exchange.id}/${args.name}; delete it on the exchange too`);
    return this.summary.document(Date.now() * 1000);
  }
}
