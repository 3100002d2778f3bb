import type { Interfaces } from '@oclif/core';
import { BaseCommand, type Delivery } from '../../lib/cli/base-command.js';
import { inputArgument, outputFlags } from '../../lib/cli/flags.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import { startStoreStep } from '../../lib/cli/store-step.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { FEATURES, type Windows } from '../../lib/features/registry.js';
import { engineOptionsOf, featuresFlags } from './flags.js';
import { featureTable, listedFeatures } from './list.js';
import { featurePlot } from './plot.js';
import {
  type FeatureRequest,
  type FeatureRun,
  featuresBesideStore,
  featuresIntoStore,
  featuresOfInput,
  keepFeatureRules,
  StoredRows,
} from './run.js';
import { FeatureTally, NOTHING_NEW } from './tally.js';

const LIVE =
  '<%= config.bin %> stream --exchange bybit --market linear --symbols BTCUSDT --channels features -o store -o - | <%= config.bin %> <%= command.id %> - | <%= config.bin %> signals -';

export default class Features extends BaseCommand {
  static override summary = 'Compute order-flow features, one row per symbol and second.';
  static override description =
    `A \`micro\` row is what one second brought; a \`features\` row is what follows from it and from the windows that end with it. A feature is absent until its window is full, and after a gap in its inputs until it is full again; \`detail\` says why. \`warm\` says that everything signals use is there.

Over the store what is new, late or repaired is computed, up to the last second that is over by the clock of the data: run it as often as you like, the rows are those of one run over everything. --since and --until choose what is shown. A file or glob is taken whole. With \`-\` rows come out as soon as the clock of the input has passed their second and the grace.`;
  static override examples = [
    { description: 'What there is, and what each needs', command: '<%= config.bin %> <%= command.id %> --list' },
    { description: 'Bring a store up to date (cron)', command: '<%= config.bin %> <%= command.id %> --store data' },
    { description: 'Live, into signals', command: LIVE },
    { description: 'One feature as a line', command: '<%= config.bin %> <%= command.id %> market.ndjson.gz --plot delta_z' },
  ];

  static override args = { input: inputArgument };
  static override flags = { ...featuresFlags, ...outputFlags };

  async run(): Promise<SummaryDocument | undefined> {
    const { args, flags } = await this.parse(Features);
    if (flags.list) return this.#list(flags.window);
    const input = args.input ?? [];
    const [selection, engine] = [selectionOf(flags), engineOptionsOf(flags)];
    const way = { tally: new FeatureTally(), stopped: this.stopped, warn: (message: string) => this.notice(message) };
    const request: FeatureRequest = { input, store: flags.store, selection, engine, rows: flags.rows, ...way };
    const intoStore = flags.output?.includes('store') ?? (input.length === 0 && flags.plot === undefined);
    if (input.length > 0) {
      if (intoStore) await keepFeatureRules(request);
      const endless = input.includes('-') && flags.plot === undefined;
      return await this.#deliver(featuresOfInput(request), request, flags, { fallback: '-', endless });
    }
    if (intoStore) return await this.#intoStore(request, flags);
    return await this.#deliver(await featuresBesideStore(request), request, flags, { fallback: '-', endless: false });
  }

  async #intoStore(request: FeatureRequest, flags: CommandFlags): Promise<SummaryDocument> {
    const run = await startStoreStep(flags.store, 'features', { ...request, wait: flags.wait, stderr: this.stderr });
    if (!run) return this.conclude();
    try {
      const stored = new StoredRows();
      const rows = featuresIntoStore(run.context, request, stored, isShown(flags.output));
      return await this.#deliver(rows, request, flags, { fallback: 'store', endless: false, stored });
    } finally {
      await run.release();
    }
  }

  #deliver({ records, counts, summarize }: FeatureRun, { tally, rows }: FeatureRequest, flags: CommandFlags, way: Way) {
    return this.deliver(records, {
      ...way,
      flags: flags.plot === undefined ? flags : { ...flags, format: 'table' },
      types: rows,
      render: flags.plot === undefined ? undefined : featurePlot(flags.plot),
      summarize: (summary) => {
        summarize(summary);
        for (const note of tally.summarize(summary, counts(), way.stored && NOTHING_NEW)) this.notice(note);
        if (flags['fail-on-gaps']) tally.failOnGaps(summary);
      },
    });
  }

  async #list(windows: Windows): Promise<SummaryDocument | undefined> {
    const features = listedFeatures(FEATURES, windows);
    this.summary.data = features;
    if (this.jsonEnabled()) return this.summary.document(Date.now() * 1000);
    return void this.log(await featureTable(features, process.stdout.columns ?? 140));
  }
}

/** Whether somebody looks at rows that go to the store. */
const isShown = (outputs: readonly string[] = []) => process.stdout.isTTY || outputs.some((name) => name !== 'store');

type CommandFlags = Interfaces.InferredFlags<typeof Features.flags>;
type Way = Pick<Delivery, 'fallback' | 'endless' | 'stored'>;
