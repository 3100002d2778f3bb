import * as Args from '@oclif/core/args';
import type { AccountClient } from '../../../lib/account/client.js';
import { inspectKey, type KeyReport } from '../../../lib/account/inspect.js';
import { findKeys, openClient, openKeyStore } from '../../../lib/cli/account-access.js';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { formatTime } from '../../../lib/model/time.js';
import { DEFAULT_NAME, keyName } from '../../../lib/secrets/key-entry.js';
import type { HttpClient } from '../../../lib/transport/http.js';
import { testConformance } from './conformance.js';
import { type TestFlags, testFlags } from './flags.js';

export default class KeysTest extends BaseCommand {
  static override summary = 'Check a key: permissions, expiry, clock, modes.';
  static override description =
    `Asks the exchange; changes nothing there, unless --conformance is given. Exit 5 when the key cannot be used, with the likely cause: a wrong key or secret, a demo key on the live side or the reverse, the other account family, a missing permission, an IP address that is not bound, a wrong clock. Exit 4 when the key may withdraw: such a key is never needed.

--conformance trades least amounts on the exchange's demo side for about a minute, to see what no document says and grid run relies on: what a repeated client id does, when lists show an order, how a timestamp expires, what small and reduce-only closes become. It takes everything away again and keeps the result in the store; grid run --live asks for it. Exit 4 when something contradicts what mdtool assumes.`;
  static override examples = [
    { description: 'Test a key', command: '<%= config.bin %> <%= command.id %> default --exchange bitget' },
    {
      description: 'A key of the environment, on the demo side',
      command: '<%= config.bin %> <%= command.id %> --exchange bybit --demo',
    },
    {
      description: 'What no document answers, asked of a demo account',
      command: '<%= config.bin %> <%= command.id %> --exchange bybit --demo --conformance',
    },
  ];

  static override args = {
    name: Args.string({ default: DEFAULT_NAME, description: 'Name of the key.', parse: async (text) => keyName(text) }),
  };
  static override flags = testFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(KeysTest);
    const store = openKeyStore();
    const [owned] = await findKeys(store, { exchange: [flags.exchange], account: [args.name], demo: flags.demo });
    if (!owned) return this.conclude();
    const { createHttpClient } = await import('../../../lib/transport/http.js');
    // The probe takes its orders away after Ctrl-C too: its requests are awaited.
    const signal = flags.conformance ? undefined : this.stopped;
    const http = await createHttpClient({ userAgent: `mdtool/${this.config.version}`, signal });
    try {
      const client = openClient(owned, {
        http,
        signal,
        settings: this.settings,
        accepted: flags['accept-endpoint'] ?? [],
        onWait: (text) => this.stderr.log.debug(text),
      });
      const report = await inspectKey(client);
      this.#print(report, owned.entry.mode);
      store.note(owned.entry, (report.info?.permissions ?? []).join(' '), new Date().toISOString());
      if (flags.conformance) await this.#conformance(flags, client, report, http);
      return this.#judge(report, `${flags.exchange.id}/${args.name}`);
    } finally {
      await http.close();
    }
  }

  async #conformance(flags: TestFlags, client: AccountClient, { family }: KeyReport, http: HttpClient): Promise<void> {
    const { stderr, summary, restOrigin: origin, stopped: signal } = this;
    const userAgent = `mdtool/${this.config.version}`;
    const print = (line: string) => (this.jsonEnabled() ? undefined : this.log(line));
    await testConformance(flags, { client, family, http, origin, stderr, summary, signal, userAgent, print });
  }

  #print({ family, info, settings, offset }: KeyReport, mode: string): void {
    const rows: [string, string | undefined][] = [
      ['account', `${family.name}, ${mode}`],
      ['user', info?.userId ?? settings?.userId],
      ['permissions', info && (info.permissions.join(', ') || 'none')],
      ['trade', info && yesNo(info.canTrade)],
      ['withdraw', info && yesNo(info.canWithdraw)],
      ['addresses', info && (info.addresses.join(', ') || 'any')],
      ['expires', info && (info.expires === undefined ? 'not said' : formatTime(info.expires))],
      ['position mode', settings?.positionMode?.replace('_', '-')],
      ['margin mode', settings?.marginMode],
      ['clock', `the exchange is ${(offset / 1_000).toFixed(3)} s ahead`],
      ...(settings?.notes ?? []).map((note): [string, string] => ['note', note]),
    ];
    const shown = rows.filter((row): row is [string, string] => row[1] !== undefined);
    if (!this.jsonEnabled()) for (const [name, text] of shown) this.log(`${name.padEnd(14)}${text}`);
    this.summary.data = shown.map(([check, text]) => ({ check, text }));
  }

  #judge({ info, warnings }: KeyReport, name: string): SummaryDocument {
    for (const warning of warnings) this.notice(warning);
    if (info?.canWithdraw)
      this.summary.unsafe(`the key ${name} may withdraw: make one without that permission, and delete this one`);
    if (info && !info.canRead)
      this.summary.unreachable(`the key ${name} may not read orders and positions: add the permission on the exchange`);
    for (const reason of this.summary.reasons) this.stderr.error(reason);
    process.exitCode = this.summary.exitCode;
    if (this.summary.reasons.length === 0) this.stderr.note(`the key ${name} can be used`);
    return this.summary.document(Date.now() * 1000);
  }
}

const yesNo = (value: boolean) => (value ? 'yes' : 'no');
