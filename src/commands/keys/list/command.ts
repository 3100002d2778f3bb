import { openKeyStore } from '../../../lib/cli/account-access.js';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { EXCHANGES } from '../../../lib/exchanges/index.js';
import { counted } from '../../../lib/model/counted.js';
import { columns } from '../flags.js';

export default class KeysList extends BaseCommand {
  static override summary = 'List the keys: names, places, and what the last test found.';
  static override description =
    'Shows the last four characters of each key, never more, and needs no passphrase. Keys of the environment come first and win.';
  static override examples = [
    { description: 'All keys', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'For a script', command: '<%= config.bin %> <%= command.id %> --json' },
  ];

  async run(): Promise<SummaryDocument> {
    await this.parse(KeysList);
    const keys = openKeyStore().list(EXCHANGES.filter(({ privateSide }) => privateSide).map(({ id }) => id));
    const rows = keys.map(({ exchange, name, mode, source, ending, tested = 'never', permissions = '' }) => [
      exchange,
      name,
      mode,
      source,
      ending === '' ? '' : `…${ending}`,
      tested,
      permissions,
    ]);
    if (!this.jsonEnabled() && rows.length > 0)
      for (const line of columns([['exchange', 'name', 'mode', 'place', 'key', 'tested', 'permissions'], ...rows]))
        this.log(line);
    this.summary.data = keys;
    this.stderr.note(keys.length === 0 ? 'no keys; mdtool keys add NAME --exchange NAME adds one' : counted(keys.length, 'key'));
    return this.summary.document(Date.now() * 1000);
  }
}
