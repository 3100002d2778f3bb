import type { Interfaces } from '@oclif/core';
import { type CandleReport, type CandleRequest, candleStep } from '../../lib/candles/store/candle-run.js';
import { lastCandles } from '../../lib/candles/store/last-candles.js';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { inputArgument, outputFlags } from '../../lib/cli/flags.js';
import { createColors } from '../../lib/cli/output/colors.js';
import { storeWorkers } from '../../lib/cli/queue-flags.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import { Screen } from '../../lib/cli/screen.js';
import { runStoreStep, type StepDelivery } from '../../lib/cli/store-step.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import type { StepRun } from '../../lib/input/store-step.js';
import { counted } from '../../lib/model/counted.js';
import type { CandleInterval } from '../../lib/model/interval.js';
import type { Candle } from '../../lib/model/records.js';
import { candleCharts, fittingCharts } from './chart.js';
import { candleFlags, candleOptionsOf, requireFollowable } from './flags.js';
import { summarizeCandles } from './text.js';
import { CandleWatch, CHART_CANDLES, layersOf, PAGE_CANDLES } from './watch.js';

const REDRAW_EVERY = 500;

export default class Candles extends BaseCommand {
  static override summary = 'Build candles from trades or from shorter candles.';
  static override description =
    `Over the store, only new, late or repaired trades are read again: run it as often as you like. --symbols, --since and --until select the output; the store's candles are built for all symbols.

From stdin a candle closes when the exchange's clock has passed its end and --grace; later trades are counted. Files are read as a whole. A candle that an unrepaired gap overlaps has \`complete\` false. Volumes are exact to 15 digits, whatever order the trades arrive in.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> --interval 1s,1m,15m',
    '<%= config.bin %> stream --replay fixtures/bybit-v5.tape.ndjson.gz -o - | <%= config.bin %> <%= command.id %> - --interval 1s',
    '<%= config.bin %> <%= command.id %> "trades-*.parquet" --interval 1h -o hours.csv',
    '<%= config.bin %> <%= command.id %> --symbols BTCUSDT,ETHUSDT --interval 5m -o - --plot',
    '<%= config.bin %> <%= command.id %> --symbols BTCUSDT --interval 5m --html chart.html',
  ];

  static override args = { input: inputArgument };

  static override flags = {
    ...candleFlags,
    ...outputFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(Candles);
    requireFollowable(flags, args.input ?? []);
    const request: CandleRequest = {
      input: args.input ?? [],
      directory: flags.store,
      candles: candleOptionsOf(flags),
      selection: selectionOf(flags),
      stopped: this.stopped,
      warn: (message) => this.notice(message),
      workers: storeWorkers(flags.workers, this.config.version, (text) => this.notice(text)),
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
    { input, candles, directory, selection }: CandleRequest,
    flags: CommandFlags,
    { isInStore, ...delivery }: StepDelivery,
  ): Promise<SummaryDocument> {
    const [shown] = candles.intervals as [CandleInterval];
    const isDrawn = flags.plot || flags.svg !== undefined || flags.html !== undefined;
    const readLayers = layersOf(input, directory, selection);
    const watch = new CandleWatch(isDrawn ? { ...flags, interval: shown, readLayers } : undefined);
    const kept = flags.html === undefined ? CHART_CANDLES : PAGE_CANDLES;
    const more = isInStore && isDrawn ? lastCandles(directory, shown, selection, kept) : undefined;
    // A table has candles of trades without gaps: none is incomplete.
    const source = Object.assign(watch.watch(records, more), { asTable: isDrawn ? undefined : records.asTable });
    const screen = flags.follow ? this.#follow(watch) : undefined;
    const isLive = flags.follow && process.stdout.isTTY === true && flags.output === undefined;
    const delivered = this.deliver(source, {
      ...delivery,
      drawsStdout: isLive,
      stored: report.stored,
      flags: flags.plot ? { ...flags, format: flags.format ?? 'table' } : flags,
      types: ['candle'],
      render: flags.plot ? (_, view) => candleCharts(chartsOf(watch, flags), view) : undefined,
      summarize: (summary) => {
        for (const notice of summarizeCandles(summary, report)) this.notice(notice);
        const incomplete = (report.stored ?? watch).incomplete;
        if (flags['fail-on-gaps'] && incomplete > 0)
          summary.incomplete(`${counted(incomplete, 'candle is', 'candles are')} incomplete`);
      },
    });
    return await delivered.finally(() => screen?.stop());
  }

  /** Draws the candles again as they close. */
  #follow(watch: CandleWatch): Screen {
    const colors = createColors(process.stderr);
    const lines = ({ width, rows }: { width: number; rows: number }) =>
      watch.series.length === 0 ? [] : fittingCharts(watch.series, { width, rows, colors });
    return new Screen({ stderr: this.stderr, terminal: process.stderr, every: REDRAW_EVERY, lines });
  }
}

/** Without names, the symbol with the largest turnover is drawn. */
function chartsOf({ series }: CandleWatch, { symbols }: CommandFlags): readonly (readonly Candle[])[] {
  return symbols ? series : series.slice(0, 1);
}

type CommandFlags = Interfaces.InferredFlags<typeof Candles.flags>;
