import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { exchangesFlag, storeFlags } from '../../lib/cli/flags.js';
import { createColors } from '../../lib/cli/output/colors.js';
import { redact } from '../../lib/cli/redaction.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import type { Exchange } from '../../lib/exchanges/exchange.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { counted } from '../../lib/model/counted.js';
import { checkExchange } from './exchanges.js';
import { type Finding, ok } from './finding.js';
import { checkMachine } from './machine.js';
import { checkStore } from './store.js';

export default class Doctor extends BaseCommand {
  static override summary = 'Check machine, store, configuration and exchanges.';
  static override description =
    `Prints one line per check: ok, warn (something may fail) or fail (something will). The checks are Node and the platform, DuckDB, the limit of open files, the proxy; the store, who writes to it, journals of a run that ended early, the free disk; every configured value with its source; and for each exchange whether its hosts answer and how far this machine's clock is off.

Nothing is written and nothing is changed. Exit 1 when a check fails.`;
  static override examples = [
    { description: 'Everything', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Before a capture of one exchange into a store elsewhere',
      command: '<%= config.bin %> <%= command.id %> --exchange bybit --store /var/lib/mdtool',
    },
    { description: 'Without the network', command: '<%= config.bin %> <%= command.id %> --offline' },
  ];

  static override flags = {
    exchange: exchangesFlag({ defaultHelp: async () => 'all' }),
    ...storeFlags,
    offline: Flags.boolean({ summary: 'Ask no exchange.' }),
  };

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(Doctor);
    const findings = [
      ...(await checkMachine(this.config.pjson.engines?.node ?? '', process.env)),
      ...this.#configuration(),
      ...(await checkStore(flags.store)),
      ...(flags.offline ? [] : await this.#exchanges(flags.exchange ?? EXCHANGES)),
    ];
    this.#print(findings);
    const failed = findings.filter(({ status }) => status === 'fail').length;
    const result = failed > 0 ? `${failed} failed` : 'none failed';
    if (failed > 0) this.summary.failed(`doctor: ${result}`);
    this.summary.data = findings;
    process.exitCode = this.summary.exitCode;
    this.stderr.note(`doctor: ${counted(findings.length, 'check')}, ${result}`);
    return this.summary.document(Date.now() * 1000);
  }

  /** Secrets are masked: an address may carry a password. */
  #configuration(): Finding[] {
    const entries = this.settings.entries();
    if (entries.length === 0) return [ok('config', 'defaults only; mdtool init writes a file to start from')];
    return entries.map(({ value, source }) => ok('config', `${source} = ${redact(JSON.stringify(value))}`));
  }

  async #exchanges(exchanges: readonly Exchange[]): Promise<Finding[]> {
    const { createHttpClient } = await import('../../lib/transport/http.js');
    const userAgent = `mdtool/${this.config.version}`;
    const client = await createHttpClient({ userAgent, retries: 0, timeout: 5_000, signal: this.stopped });
    try {
      const check = { client, settings: this.settings, userAgent, signal: this.stopped };
      return (await Promise.all(exchanges.map((exchange) => checkExchange(exchange, check)))).flat();
    } finally {
      await client.close();
    }
  }

  #print(findings: readonly Finding[]): void {
    if (this.jsonEnabled()) return;
    const colors = createColors(process.stdout);
    const paint = { ok: colors.good, warn: colors.heading, fail: colors.bad };
    const width = Math.max(...findings.map(({ check }) => check.length));
    const lines = findings.map(
      ({ status, check, text }) => `${paint[status](status.padEnd(4))}  ${check.padEnd(width)}  ${text}`,
    );
    this.log(lines.join('\n'));
  }
}
