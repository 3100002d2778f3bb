import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { openKeyStore, privateSideOf } from '../../../lib/cli/account-access.js';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { readKey } from '../../../lib/cli/prompt.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { BACKENDS, keyEntry, keyName } from '../../../lib/secrets/key-entry.js';
import { oneExchange } from '../flags.js';

export default class KeysAdd extends BaseCommand {
  static override summary = 'Keep a key of an exchange.';
  static override description =
    `Asks for key, secret and, where the exchange has one, passphrase, without showing them. Without a terminal it reads one line of JSON from stdin: {"key":"…","secret":"…","passphrase":"…"}. There is no flag for a secret: flags are visible to other users and in the shell's history.

file writes keys.toml in the configuration folder, readable by you alone. encrypted writes keys.enc (scrypt and AES-256-GCM) and asks for a passphrase, or reads it from the file that MDTOOL_PASSPHRASE_FILE names. keyring uses the keyring of the operating system.

Give the key read permission only, as long as it only watches; never permission to withdraw; and bind it to your IP address.`;
  static override examples = [
    { description: 'A key of the demo side', command: '<%= config.bin %> <%= command.id %> default --exchange bitget --demo' },
    {
      description: 'Encrypted under a passphrase',
      command: '<%= config.bin %> <%= command.id %> main --exchange bybit --backend encrypted',
    },
    {
      description: 'From a password manager',
      command: 'pass show bybit.json | <%= config.bin %> <%= command.id %> main --exchange bybit',
    },
  ];

  static override args = {
    name: Args.string({ required: true, description: 'Name of the key.', parse: async (text) => keyName(text) }),
  };

  static override flags = {
    exchange: oneExchange,
    demo: Flags.boolean({ summary: "The key is for the exchange's demo side." }),
    backend: Flags.option({ summary: 'Where to keep it.', options: BACKENDS, default: 'file' as const })(),
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(KeysAdd);
    const { exchange } = flags;
    const typed = await readKey(privateSideOf(exchange).needsPassphrase);
    const mode = flags.demo ? 'demo' : 'live';
    const where = 'the key';
    const entry = keyEntry(exchange.id, args.name, { ...typed, mode }, { source: flags.backend, where });
    const place = await openKeyStore().add(entry, flags.backend);
    this.summary.note({ exchange: exchange.id, name: args.name, mode, place });
    this.stderr.note(`kept the ${mode} key ${exchange.id}/${args.name} in ${place}`);
    this.stderr.note(`next: mdtool keys test ${args.name} --exchange ${exchange.id}`);
    return this.summary.document(Date.now() * 1000);
  }
}
