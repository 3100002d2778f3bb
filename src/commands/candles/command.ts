import type { Interfaces } from '@oclif/core';
import { lastCandles } from '../../lib/candles/store/last-candles.js';
import { BaseCommand, type Delivery } from '../../lib/cli/base-command.js';
import { inputArgument, outputFlags } from '../../lib/cli/flags.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import { stdinHint } from '../../lib/cli/stdin-hint.js';
import { startStoreStep } from '../../lib/cli/store-step.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import type { CandleInterval } from '../../lib/model/interval.js';
import type { AnyRecord } from '../../lib/model/records.js';
import { candleChart } from './chart.js';
import { CHART_CANDLES } from './chart-candles.js';
import { candleFlags, candleOptionsOf } from './flags.js';
import {
  type CandleRequest,
  type CandleRun,
  CandleWatch,
  candlesBesideStore,
  candlesIntoStore,
  candlesOfInput,
  keepRules,
  StoreTally,
  shownOf,
} from './run.js';

export default class Candles extends BaseCommand {
  static override summary = 'Build candles from trades or from shorter candles.';
  static override description =
    `Over the store, only what is new, late or repaired is computed again: run it as often as you like. --symbols, --since and --until choose what is shown; the store's candles are built for all.

From stdin a candle closes when the exchange's clock has passed its end and the grace; later trades are counted. Files are taken whole. A candle that an unrepaired gap overlaps has \`complete\` false. Sums have 15 significant digits and do not depend on the order in which trades came.`;
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
    const candles = candleOptionsOf(flags);
    const request = { paths: args.input ?? [], directory: flags.store, candles, selection: selectionOf(flags) };
    const intoStore = flags.output?.includes('store') ?? request.paths.length === 0;
    if (request.paths.length > 0) {
      if (intoStore) await keepRules(flags.store, candles);
      const run = candlesOfInput(request, this.stopped, (reason) => this.notice(reason));
      return await this.#deliver(run, flags, { fallback: '-', endless: request.paths.includes('-') });
    }
    if (intoStore) return await this.#intoStore(request, flags);
    const hint = stdinHint();
    if (hint) this.stderr.note(hint);
    return await this.#deliver(candlesBesideStore(request), flags, { fallback: '-', endless: false });
  }

  async #intoStore(request: CandleRequest, flags: CommandFlags): Promise<SummaryDocument> {
    const { directory } = request;
    const way = { wait: flags.wait, stopped: this.stopped, stderr: this.stderr };
    const step = await startStoreStep(directory, 'candles', { ...way, warn: (text) => this.notice(text) });
    if (!step) return this.conclude();
    try {
      const [shown] = request.candles.intervals as [CandleInterval];
      const more = flags.plot || flags.svg ? lastCandles(directory, shown, request.selection, CHART_CANDLES) : undefined;
      const tally = new StoreTally();
      const run = candlesIntoStore(step.context, request, tally, shownOf(flags.output, process.stdout.isTTY));
      return await this.#deliver(run, flags, { fallback: 'store', endless: false, stored: tally }, more);
    } finally {
      await step.release();
    }
  }

  async #deliver({ records, summarize }: CandleRun, flags: CommandFlags, delivery: Way, more?: AsyncIterable<AnyRecord[]>) {
    const watch = new CandleWatch(candleOptionsOf(flags).intervals, flags.svg, flags.force);
    return await this.deliver(watch.watch(records, more), {
      ...delivery,
      flags: flags.plot ? { ...flags, format: flags.format ?? 'table' } : flags,
      types: ['candle'],
      render: flags.plot ? (_, view) => candleChart(watch.candles, view) : undefined,
      summarize: (summary) => {
        summarize(summary, (text) => this.notice(text));
        const incomplete = (delivery.stored ?? watch).incomplete;
        if (flags['fail-on-gaps'] && incomplete > 0) summary.incomplete(`${incomplete} candles are incomplete`);
      },
    });
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof Candles.flags>;
type Way = Pick<Delivery, 'fallback' | 'endless'> & { readonly stored?: StoreTally };
