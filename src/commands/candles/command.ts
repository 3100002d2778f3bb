import type { Interfaces } from '@oclif/core';
import { type CandleReport, type CandleRequest, candleStep } from '../../lib/candles/store/candle-run.js';
import { lastCandles } from '../../lib/candles/store/last-candles.js';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { inputArgument, outputFlags } from '../../lib/cli/flags.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import { runStoreStep, type StepDelivery } from '../../lib/cli/store-step.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import type { StepRun } from '../../lib/input/store-step.js';
import { counted } from '../../lib/model/counted.js';
import type { CandleInterval } from '../../lib/model/interval.js';
import { candleChart } from './chart.js';
import { candleFlags, candleOptionsOf } from './flags.js';
import { summarizeCandles } from './text.js';
import { CandleWatch, CHART_CANDLES } from './watch.js';

export default class Candles extends BaseCommand {
  static override summary = 'Build candles from trades or from shorter candles.';
  static override description =
    `Over the store, only new, late or repaired trades are read again: run it as often as you like. --symbols, --since and --until select the output; the store's candles are built for all symbols.

From stdin a candle closes when the exchange's clock has passed its end and --grace; later trades are counted. Files are read as a whole. A candle that an unrepaired gap overlaps has \`complete\` false. Volumes are exact to 15 digits, whatever order the trades arrive in.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> --interval 1s,1m,15m',
    '<%= config.bin %> stream --replay fixtures/bybit-v5.tape.ndjson.gz -o - | <%= config.bin %> <%= command.id %> - --interval 1s',
    '<%= config.bin %> <%= command.id %> "trades-*.parquet" --interval 1h -o hours.csv',
    '<%= config.bin %> <%= command.id %> --symbols BTCUSDT --interval 5m -o - --plot',
  ];

  static override args = { input: inputArgument };

  static override flags = {
    ...candleFlags,
    ...outputFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(Candles);
    const request: CandleRequest = {
      input: args.input ?? [],
      directory: flags.store,
      candles: candleOptionsOf(flags),
      selection: selectionOf(flags),
      stopped: this.stopped,
      warn: (message) => this.notice(message),
    };
    return await runStoreStep(candleStep, request, {
      outputs: flags.output,
      intoStore: request.input.length === 0,
      wait: flags.wait,
      asked: flags,
      stderr: this.stderr,
      deliver: (run, delivery) => this.#deliver(run, request, flags, delivery),
      conclude: () => this.conclude(),
    });
  }

  async #deliver(
    { records, report }: StepRun<CandleReport>,
    { candles, directory, selection }: CandleRequest,
    flags: CommandFlags,
    { isInStore, ...delivery }: StepDelivery,
  ): Promise<SummaryDocument> {
    const [shown] = candles.intervals as [CandleInterval];
    const isDrawn = flags.plot || flags.svg !== undefined;
    const watch = new CandleWatch(isDrawn ? shown : undefined, flags.svg, flags.force);
    const more = isInStore && isDrawn ? lastCandles(directory, shown, selection, CHART_CANDLES) : undefined;
    // A table has candles of trades without gaps: none is incomplete.
    const source = Object.assign(watch.watch(records, more), { asTable: isDrawn ? undefined : records.asTable });
    return await this.deliver(source, {
      ...delivery,
      stored: report.stored,
      flags: flags.plot ? { ...flags, format: flags.format ?? 'table' } : flags,
      types: ['candle'],
      render: flags.plot ? (_, view) => candleChart(watch.candles, view) : undefined,
      summarize: (summary) => {
        for (const notice of summarizeCandles(summary, report)) this.notice(notice);
        const incomplete = (report.stored ?? watch).incomplete;
        if (flags['fail-on-gaps'] && incomplete > 0)
          summary.incomplete(`${counted(incomplete, 'candle is', 'candles are')} incomplete`);
      },
    });
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof Candles.flags>;
