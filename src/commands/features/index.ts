import { Flags } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { inputArgument, selectionOf } from '../../lib/cli/candles/flags.js';
import { engineOptionsOf, featureFlags, featureNameFlag, rowsFlag } from '../../lib/cli/features/flags.js';
import { featureTable, listedFeatures } from '../../lib/cli/features/list.js';
import { featurePlot } from '../../lib/cli/features/plot.js';
import { openFeatures } from '../../lib/cli/features/run.js';
import { FeatureTally } from '../../lib/cli/features/tally.js';
import { exchangesFlag, marketsFlag, outputFlags, storeFlag, symbolsFlag, timeFlags } from '../../lib/cli/flags.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { FEATURES, type Windows } from '../../lib/features/registry.js';
import type { AnyRecord } from '../../lib/model/records.js';

export default class Features extends BaseCommand {
  static override summary = 'Turn trades, books, tickers, marks and open interest into features, a row per symbol and second.';
  static override description =
    `A \`micro\` row is what one second brought; a \`features\` row is what follows from it and from the windows that end with it.
A feature is absent until its window is full, and after a gap in its inputs until it is full again; \`detail\` says why. \`warm\`
says that everything signals use is there.

Over the store only what is new is computed, and put into the store. A file or glob is taken whole, in any order. With \`-\`
rows come out as soon as the clock of the input has passed their second and the grace.`;
  static override examples = [
    { description: 'What there is, and what each needs', command: '<%= config.bin %> <%= command.id %> --list' },
    { description: 'Bring a store up to date (cron)', command: '<%= config.bin %> <%= command.id %> --store data' },
    {
      description: 'Live, into signals',
      command:
        '<%= config.bin %> stream --exchange bybit --market linear --symbols BTCUSDT --channels features -o store -o - | <%= config.bin %> <%= command.id %> - | <%= config.bin %> signals -',
    },
    { description: 'One feature as a line', command: '<%= config.bin %> <%= command.id %> market.ndjson.gz --plot delta_z' },
  ];

  static override args = { input: inputArgument };

  static override flags = {
    ...featureFlags,
    rows: rowsFlag(),
    list: Flags.boolean({ summary: 'Print every feature with its inputs, window and warm-up.' }),
    plot: featureNameFlag({ summary: 'Draw one feature as a line, instead of rows.', exclusive: ['output'] }),
    'fail-on-gaps': Flags.boolean({ summary: 'End with 3 when an unrepaired gap lies in the input.' }),
    exchange: exchangesFlag(),
    market: marketsFlag(),
    symbols: symbolsFlag(),
    ...timeFlags,
    store: storeFlag,
    ...outputFlags,
  };

  async run(): Promise<SummaryDocument | undefined> {
    const { args, flags } = await this.parse(Features);
    if (flags.list) return this.#list(flags.window);
    const input = args.input ?? [];
    const isPlot = flags.plot !== undefined;
    const intoStore = flags.output?.includes('store') ?? (input.length === 0 && !isPlot);
    const tally = new FeatureTally();
    const run = await openFeatures({
      input,
      store: flags.store,
      intoStore: intoStore && input.length === 0,
      selection: selectionOf(flags),
      engine: engineOptionsOf(flags),
      rows: flags.rows,
      stopped: this.stopped,
      warn: (message) => this.notice(message),
    });
    return this.deliver(looked(run.records, tally), {
      flags: isPlot ? { ...flags, format: 'table' } : flags,
      fallback: intoStore ? 'store' : '-',
      endless: input.includes('-') && !isPlot,
      types: flags.rows,
      render: flags.plot === undefined ? undefined : featurePlot(flags.plot),
      summarize: (summary) => {
        for (const note of tally.summarize(summary, run.counts())) this.notice(note);
        if (run.broken() > 0) summary.incomplete(`${run.broken()} lines of the input are no records`);
        if (flags['fail-on-gaps'] && tally.incomplete + tally.holes > 0)
          summary.incomplete(`${tally.holes} unrepaired gaps came, ${tally.incomplete} seconds lie in such`);
      },
    });
  }

  async #list(windows: Windows): Promise<SummaryDocument | undefined> {
    const features = listedFeatures(FEATURES, windows);
    this.summary.data = features;
    if (!this.jsonEnabled()) this.log(await featureTable(features, process.stdout.columns ?? 140));
    return this.jsonEnabled() ? this.summary.document(Date.now() * 1000) : undefined;
  }
}

async function* looked(records: AsyncIterable<AnyRecord[]>, tally: FeatureTally): AsyncGenerator<AnyRecord[]> {
  for await (const batch of records) {
    tally.see(batch);
    yield batch;
  }
}
