import type { AccountClient } from '../../lib/account/client.js';
import { ACCOUNT_PARTS } from '../../lib/account/snapshot.js';
import { findKeys, type OwnedKey, openClient, openKeyStore } from '../../lib/cli/account-access.js';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import type { AnyRecord, EventRecord } from '../../lib/model/records.js';
import { filtered, isOfSelection } from '../../lib/model/selection.js';
import { DAY } from '../../lib/model/time.js';
import type { HttpSender } from '../../lib/transport/http.js';
import { accountArguments, accountCommandFlags } from './flags.js';
import { openAccounts, snapshots } from './run.js';
import { liveAccounts, merged, PanelScreen } from './watch.js';

const TYPES = ['balance', 'position', 'order', 'fill', 'event'] as const;

export default class Account extends BaseCommand {
  static override summary = 'Show balances, positions, orders and fills of an account.';
  static override description =
    `Reads the account of a key (mdtool keys add) as records: balance, position, order, fill. It only reads: it sends no order and changes no setting, and a key with read permission is enough.

With --watch it goes on: a snapshot, then the pushes of the exchange, a snapshot again after each reconnect, and REST as a check. A difference between the two is an \`event\` record. On a terminal it draws a panel; in a pipe it writes NDJSON.

Bitget: unified accounts (v3) and classic ones (v2, futures). Bybit: unified accounts (v5). Fills are those of the last 24 hours, or since --since.`;
  static override examples = [
    { description: 'All that is known of one account', command: '<%= config.bin %> <%= command.id %> --exchange bitget' },
    {
      description: 'The panel, for two exchanges at once',
      command: '<%= config.bin %> <%= command.id %> --exchange bitget,bybit --watch',
    },
    {
      description: 'Fills of a week as a file',
      command: '<%= config.bin %> <%= command.id %> fills --exchange bybit --since 7d -o fills.csv',
    },
    { description: 'Every change into the store', command: '<%= config.bin %> <%= command.id %> --watch -o store' },
  ];

  static override args = accountArguments;
  static override flags = accountCommandFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(Account);
    const deliver = (source: AsyncIterable<AnyRecord[]>, isHidden = false) => {
      const selection = selectionOf({ symbols: flags.symbols });
      const isWanted = (record: AnyRecord) =>
        record.type === 'balance' || record.type === 'event' || isOfSelection(record, selection);
      return this.deliver(filtered(source, isWanted), {
        flags,
        fallback: '-',
        endless: flags.watch,
        types: TYPES,
        drawsStdout: isHidden,
        data: !flags.watch,
      });
    };
    const keys = await findKeys(openKeyStore(), flags);
    const { createHttpClient } = await import('../../lib/transport/http.js');
    const userAgent = `mdtool/${this.config.version}`;
    const http = await createHttpClient({ userAgent, signal: this.stopped });
    let screen: PanelScreen | undefined;
    try {
      const accounts = await openAccounts(this.#clients(keys, http, flags['accept-endpoint']), (text) => this.notice(text));
      const parts = ACCOUNT_PARTS.filter((part) => args.part === 'all' || args.part === part);
      const since = flags.since ?? Date.now() * 1_000 - DAY;
      const onRejected = (reason: string) => this.summary.incomplete(`a row of the exchange could not be read: ${reason}`);
      if (!flags.watch) return await deliver(snapshots(accounts, { parts, since, onRejected }));
      const onEvent = (event: EventRecord) => (screen ? screen.note(event) : this.#report(event));
      const checkEvery = flags['check-every'] / 1_000;
      const live = liveAccounts(accounts, { parts, since, checkEvery, userAgent, signal: this.stopped, onEvent, onRejected });
      if (process.stdout.isTTY && !this.jsonEnabled() && flags.format === undefined && !flags.output?.includes('-')) {
        screen = new PanelScreen(live, accounts, process.stdout);
        screen.start(flags.refresh / 1_000);
      }
      return await deliver(merged(live.map((account) => account.updates())), screen !== undefined);
    } finally {
      screen?.stop();
      await http.close();
    }
  }

  #report({ severity, message }: EventRecord): void {
    if (severity === 'routine') this.stderr.log.info(message);
    else this.stderr.warn(message);
  }

  #clients(keys: readonly OwnedKey[], http: HttpSender, accepted: readonly string[] = []): AccountClient[] {
    return keys.map((key) =>
      openClient(key, {
        http,
        signal: this.stopped,
        settings: this.settings,
        accepted,
        onWait: (text) => this.stderr.log.debug(text),
      }),
    );
  }
}
