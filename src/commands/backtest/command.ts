import { BaseCommand } from '../../lib/cli/base-command.js';
import {
  exchangesFlag,
  inputArgument,
  marketsFlag,
  outputFlags,
  storeFlags,
  symbolsFlag,
  timeFlags,
} from '../../lib/cli/flags.js';
import { requireKnownSymbols } from '../../lib/cli/known-store.js';
import { progressOn } from '../../lib/cli/progress.js';
import { stdinHint } from '../../lib/cli/stdin-hint.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { backtestFlags } from './flags.js';
import { refuseUnused, sweptFlags } from './plan.js';
import { Report, reportFlag } from './report.js';
import { recordsOf, runBacktests, type SymbolResult, warningsOf } from './run.js';
import { SweepProgress } from './sweep-progress.js';
import { renderBacktest } from './table.js';

export default class Backtest extends BaseCommand {
  static override summary = 'Backtest a strategy on trades or candles, fill by fill.';
  static override description =
    `Processes one event at a time: matches resting orders, shows the event to the strategy, and applies new orders after the latency. The same input gives the same output, byte for byte, and later data never changes an earlier fill.

The path inside a candle is unknown. So each run on candles is made twice, once per order of the extremes (for signals: worse and better for the position), and undecided_bars counts the candles whose fills may depend on it.

Exit 3 if the data has gaps.`;
  static override examples = [
    {
      description: 'A grid over candles, with a report',
      command:
        '<%= config.bin %> <%= command.id %> candles.parquet --strategy grid --leverage 3 --coverage 20% --report grid.html',
    },
    {
      description: 'Signals over stored trades',
      command: '<%= config.bin %> <%= command.id %> --strategy signals --symbols BTCUSDT --since 30d',
    },
    {
      description: 'Find the best multiplier and coverage, on two threads',
      command:
        '<%= config.bin %> <%= command.id %> candles.parquet --strategy grid --sweep multiplier=1.1:1.6:0.1 --sweep coverage=10%:30%:5% --workers 2',
    },
    {
      description: 'The same on several machines, each with mdtool worker',
      command:
        '<%= config.bin %> <%= command.id %> --symbols BTCUSDT --until 1d --strategy grid --sweep levels=4:12:1 --workers redis://10.0.0.5',
    },
    {
      description: 'Your own strategy, tuned on 30 days and tested on the next 7',
      command:
        '<%= config.bin %> <%= command.id %> candles.parquet --strategy examples/moving-average.ts --sweep fast=10:30:10 --walk-forward 30d/7d',
    },
  ];

  static override args = { input: inputArgument };

  static override flags = {
    ...backtestFlags,
    exchange: exchangesFlag(),
    market: marketsFlag(),
    symbols: symbolsFlag(),
    ...timeFlags,
    ...storeFlags,
    report: reportFlag,
    ...outputFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags, raw } = await this.parse(Backtest);
    const given = new Set(raw.flatMap((token) => (token.type === 'flag' ? [token.flag] : [])));
    refuseUnused(flags, given);
    for (const name of sweptFlags(flags, given)) this.notice(`--${name} is ignored: --sweep ${name} overrides it`);
    const paths = args.input ?? [];
    if (paths.length === 0) await requireKnownSymbols(flags.store, flags);
    const hint = paths.length === 0 ? stdinHint() : undefined;
    if (hint) this.stderr.note(hint);
    const report = new Report(flags.report, flags.force);
    const progress = new SweepProgress(progressOn(this.stderr));
    const results = await runBacktests({
      paths,
      directory: flags.store,
      flags,
      signal: this.stopped,
      summary: this.summary,
      notice: (text) => this.notice(text),
      progress,
      version: this.config.version,
      loaded: (markets) => report.requireNames(markets),
    }).finally(() => progress.end());
    for (const warning of warningsOf(results.map(({ study }) => study))) this.notice(warning);
    const files = await report.write(results);
    if (files.length > 0) this.summary.note({ report: files.join(', ') });
    return this.deliver(batches(results), {
      flags,
      fallback: paths.length > 0 ? '-' : 'store',
      endless: false,
      types: ['run', 'fill', 'equity'],
      render: renderBacktest,
      data: true,
    });
  }
}

async function* batches(results: readonly SymbolResult[]) {
  for (const records of recordsOf(results)) if (records.length > 0) yield records;
}
