import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlags } from '../../../lib/cli/flags.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { exchangeOf } from '../../../lib/exchanges/index.js';
import type { RunConfig } from '../../../lib/execution/state.js';
import { runFolder } from '../../../lib/execution/store/run-names.js';
import { openRunStore } from '../../../lib/execution/store/sqlite-store.js';
import { closedCandles } from '../../../lib/history/closed-candles.js';
import { RestClient } from '../../../lib/history/rest-client.js';
import { UsageError } from '../../../lib/model/errors.js';
import type { Span } from '../../../lib/model/span.js';
import { formatTime, SECOND } from '../../../lib/model/time.js';
import { refuseExisting, WholeFile } from '../../../lib/sinks/whole-file.js';
import { runNameArgument } from '../run/flags.js';
import { readRun } from '../run/runs.js';
import { backtestOf } from './backtest.js';
import { type HoursMarket, loadHours } from './hours.js';
import { runPage } from './page.js';

export default class GridReport extends BaseCommand {
  static override summary = 'Draw a run beside its backtest, as an HTML page.';
  static override description =
    'Reads the journal of a run and the market of the same hours from the store (trades, else candles of a minute; fetched from the exchange where the store does not cover them), runs the backtest over them with the settings of the run, and writes one self-contained page: fills, levels and equity of the run, the equity of the backtest in grey, and the figures of both.';
  static override examples = [
    { description: 'A page of a run', command: '<%= config.bin %> <%= command.id %> eth-long --html eth.html' },
    {
      description: 'With the market from another store',
      command: '<%= config.bin %> <%= command.id %> eth-long --html eth.html --data ./market',
    },
  ];

  static override args = { name: runNameArgument };
  static override flags = {
    html: Flags.string({ summary: 'The page to write.', helpValue: 'FILE', required: true }),
    data: Flags.string({
      summary: 'Store with the market of these hours.',
      helpValue: 'DIR',
      defaultHelp: async () => '--store',
    }),
    force: Flags.boolean({ summary: 'Overwrite an existing page.' }),
    ...storeFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(GridReport);
    if (!/\.html?$/.test(flags.html)) throw new UsageError(`--html: expected FILE.html, was "${flags.html}"`);
    refuseExisting(flags.html, flags.force);
    const run = await readRun(flags.store, args.name);
    const journal = await openRunStore(runFolder(flags.store, args.name), { readOnly: true });
    const [rows, orders] = [journal.fills(), journal.orders()];
    journal.close();
    const times = rows.map(({ timestamp }) => timestamp);
    if (run.state === undefined || times.length === 0) throw new UsageError(`the run ${args.name} has no fill yet`);
    // After its last sign of life it traded nothing: those hours are not the run's.
    const alive = run.isRunning ? Date.now() : (run.heartbeat?.at ?? 0);
    const end = Math.max(...times.map((time) => time + SECOND), alive * 1_000);
    const hours = { from: Math.min(...times) - SECOND, until: end };
    const found = await this.#market(run.config, flags.data ?? flags.store, hours);
    const tested = backtestOf(run.config, run.state.rules, found.market);
    const file = new WholeFile(flags.html, flags.force);
    await file.write(runPage({ run, rows, orders, found, tested }));
    await file.close();
    this.stderr.note(`${flags.html}: ${rows.length} fills of the run, ${tested.fills.length} of its backtest`);
    return this.concludeQuietly();
  }

  /** The hours of a run that lie in no store are fetched: a run keeps its own fills and orders, not the market. */
  async #market(config: RunConfig, store: string, hours: Span): Promise<HoursMarket> {
    const { exchange, market, symbol } = config;
    const { createHttpClient } = await import('../../../lib/transport/http.js');
    const http = await createHttpClient({ userAgent: `mdtool/${this.config.version}`, signal: this.stopped });
    const origin = this.restOrigin;
    const client = new RestClient({ http, origin, signal: this.stopped, onWait: (text) => this.stderr.log.debug(text) });
    let reason = '';
    const advice = `mdtool backfill --exchange ${exchange} --market ${market} --symbols ${symbol} --channels candle --interval 1m --since ${formatTime(hours.from)} --store ${store}`;
    try {
      const fetch = (span: Span) =>
        closedCandles(client, exchangeOf(exchange), { market, symbol, interval: '1m', ...span }, () => Date.now() * 1_000);
      const unfetched = (text: string) => {
        reason = text;
      };
      const found = await loadHours({ config, store, hours, fetch, unfetched });
      if (found?.lack !== undefined) this.notice(`the market of these hours is not whole: ${found.lack}; ${advice}`);
      if (found) return found;
    } finally {
      await http.close();
    }
    const why = reason === '' ? 'the exchange has none' : reason;
    throw new UsageError(`${store} has no trades and no candles of ${symbol} in the hours of the run (${why}): ${advice}`);
  }
}
