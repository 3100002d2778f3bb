import { BaseCommand } from '../../lib/cli/base-command.js';
import { createColors } from '../../lib/cli/output/colors.js';
import { LineLayout } from '../../lib/cli/output/line-layout.js';
import { drawsOn, noteEachMinute } from '../../lib/cli/progress.js';
import { Screen } from '../../lib/cli/screen.js';
import { givenFlags, ruleBookOf } from '../../lib/cli/signal-rules.js';
import { rejectionLine } from '../../lib/cli/signal-text.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { type AnyRecord, IN_BAND_TYPES } from '../../lib/model/records.js';
import { watchFlags } from './flags.js';
import { type OpenWatch, openWatch } from './run.js';
import { minuteLine, summarizeWatch } from './text.js';
import { watchScreen } from './view.js';

const REDRAW_EVERY = 500;
/** Width of a line on a terminal that does not say its own. */
const DEFAULT_WIDTH = 80;

export default class Watch extends BaseCommand {
  static override summary = 'Watch a market live, up to signals on paper.';
  static override description =
    `One command for stream, features, signals and backtest: it captures trades, books, tickers and candles, fetches the 15m candles that the ATR needs, computes the features of every second and turns them into signals. Each signal is traded on paper by the strategy of mdtool backtest --strategy signals: entry at the market, exit by stop, take profit, trailing stop or timeout, with fees and 100 ms latency. No order is ever sent.

A terminal shows each symbol with its values against the rules, what is still warming up and when its first signal is possible. In a pipe the records are printed (--rows). Rules and windows are those of [signals] and [features] in mdtool.toml, unless [watch] or a flag says otherwise. Nothing is stored without --record or -o FILE.`;
  static override examples = [
    {
      description: 'Two symbols',
      command: '<%= config.bin %> <%= command.id %> --exchange bybit --market linear --symbols BTCUSDT,ETHUSDT',
    },
    {
      description: 'Signals and paper fills into files; the market into the store',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bitget --market linear --symbols BTCUSDT --record -o "{type}.ndjson"',
    },
  ];

  static override flags = watchFlags;

  async run(): Promise<SummaryDocument> {
    const { flags, metadata } = await this.parse(Watch);
    await this.openAlerts(flags);
    const { settings, stderr, summary, stopped } = this;
    const rules = await ruleBookOf(flags, givenFlags(metadata.flags, settings), settings);
    const opened = await openWatch({
      flags,
      rules,
      rejected: (rejection) => flags.explain && stderr.log.info(rejectionLine(rejection)),
      ...{ settings, stderr, summary, stopped, version: this.config.version },
      notice: (message) => this.notice(message),
    });
    const printsOwn = process.stdout.isTTY === true && flags.output === undefined;
    const shown = new Set<string>([...flags.rows, ...IN_BAND_TYPES]);
    const isDrawn = drawsOn(stderr, flags.output) && (printsOwn || flags.output !== undefined || !process.stdout.isTTY);
    const screen = isDrawn ? this.#screen(opened, rules) : noteEachMinute(stderr, () => minuteLine(opened.watch));
    try {
      return await this.deliver(isDrawn && printsOwn ? this.#above(opened.records, shown) : opened.records, {
        flags,
        fallback: '-',
        endless: true,
        drawsStdout: isDrawn && printsOwn,
        types: flags.rows,
        shown,
        summarize: async (all) => {
          screen.stop();
          await opened.stream.summarize(all);
          const lines = summarizeWatch(all, opened.watch, flags.record ? flags.store : undefined);
          for (const line of lines) stderr.note(line);
        },
      });
    } finally {
      screen.stop();
      await opened.stream.close();
    }
  }

  #screen({ watch, live, candles }: OpenWatch, rules: Parameters<typeof watchScreen>[0]['rules']): { stop(): void } {
    const colors = createColors(process.stderr);
    return new Screen({
      stderr: this.stderr,
      terminal: process.stderr,
      every: REDRAW_EVERY,
      lines({ width, rows }) {
        const { seconds, gaps, subscriptions } = live.status();
        const troubles = [
          ...(subscriptions.pending > 0 ? [`${subscriptions.pending} pending`] : []),
          ...(subscriptions.stale > 0 ? [`${subscriptions.stale} silent`] : []),
          ...(gaps > 0 ? [`gaps ${gaps}`] : []),
        ];
        const view = { symbols: watch.symbols(), rules, captured: live.symbols, candles, seconds, troubles };
        return watchScreen(view, { width, rows, colors });
      },
    });
  }

  /** Prints each record as a line above the screen. */
  async *#above(records: AsyncGenerator<AnyRecord[]>, shown: ReadonlySet<string>): AsyncGenerator<AnyRecord[]> {
    const layout = new LineLayout(() => process.stderr.columns ?? DEFAULT_WIDTH, createColors(process.stderr));
    for await (const batch of records) {
      const lines = batch.flatMap((record) => (shown.has(record.type) ? layout.lines(record) : []));
      for (const line of lines) this.stderr.above(line);
      yield batch;
    }
  }
}
