import type { Interfaces } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { engineOptionsOf, type FeatureSettings } from '../../lib/cli/feature-flags.js';
import { inputArgument, listOf, outputFlags } from '../../lib/cli/flags.js';
import { notifyFlags } from '../../lib/cli/notify-flags.js';
import { writeRows } from '../../lib/cli/output/row-output.js';
import { noteEachMinute } from '../../lib/cli/progress.js';
import { storeWorkers } from '../../lib/cli/queue-flags.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import { runStoreStep, type StepDelivery } from '../../lib/cli/store-step.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { warmUpNotes } from '../../lib/cli/warm-up-text.js';
import { type FeatureReport, type FeatureRequest, featureStep } from '../../lib/features/store/feature-run.js';
import type { StepRun } from '../../lib/input/store-step.js';
import { UsageError } from '../../lib/model/errors.js';
import { featuresFlags } from './flags.js';
import { featureRows, featureTable, listedFeatures } from './list.js';
import { featurePlots } from './plot.js';
import { FeatureObserver } from './text.js';

const LIVE =
  '<%= config.bin %> stream --exchange bybit --market linear --symbols BTCUSDT --channels features -o store -o - | <%= config.bin %> <%= command.id %> - | <%= config.bin %> signals -';

export default class Features extends BaseCommand {
  static override summary = 'Compute order-flow features, one row per symbol and second.';
  static override description =
    `A \`micro\` row sums up one second; a \`features\` row holds the features of the windows that end with it. A feature is absent until its window is full, and after a gap in its inputs until the window is full again; \`detail\` names the reason. \`warm\` is true when every feature that signals use has a value.

Over the store, only new, late or repaired records are computed, up to the last second that the clock of the data has passed: run it as often as you like, the rows equal those of one run over everything. --since and --until select the output. Files are read as a whole. With \`-\` a row is emitted when the clock of the input has passed its second and --grace.`;
  static override examples = [
    { description: 'List the features and what each needs', command: '<%= config.bin %> <%= command.id %> --list' },
    { description: 'Bring a store up to date (cron)', command: '<%= config.bin %> <%= command.id %> --store data' },
    { description: 'Live, into signals', command: LIVE },
    {
      description: 'Draw features as lines, in the terminal and on a page',
      command: '<%= config.bin %> <%= command.id %> market.ndjson.gz --plot delta_z,imb_shift --html features.html',
    },
  ];

  static override args = { input: inputArgument };
  static override flags = { ...featuresFlags, ...outputFlags, ...notifyFlags };

  async run(): Promise<SummaryDocument | undefined> {
    const { args, flags } = await this.parse(Features);
    await this.openAlerts(flags);
    const engine = await engineOptionsOf(flags);
    if (flags.list) return this.#list(engine, flags);
    const observer = new FeatureObserver(engine.features);
    const request: FeatureRequest = {
      input: args.input ?? [],
      directory: flags.store,
      selection: selectionOf(flags),
      engine,
      rows: flags.rows,
      onRows: (records) => observer.add(records),
      stopped: this.stopped,
      warn: (message) => this.notice(message),
      workers: storeWorkers(flags.workers, this.config.version, (text) => this.notice(text)),
    };
    return await runStoreStep(featureStep, request, {
      outputs: flags.output,
      intoStore: request.input.length === 0 && flags.plot === undefined,
      wait: flags.wait,
      asked: flags,
      stderr: this.stderr,
      deliver: (run, delivery) => this.#deliver(run, observer, flags, delivery),
      conclude: () => this.conclude(),
    });
  }

  async #deliver(
    { records, report }: StepRun<FeatureReport>,
    observer: FeatureObserver,
    flags: CommandFlags,
    { fallback, endless }: StepDelivery,
  ): Promise<SummaryDocument> {
    const { warmUp } = report;
    const notes = endless && warmUp ? noteEachMinute(this.stderr, warmUpNotes(warmUp)) : undefined;
    const names = listOf(flags.plot ?? '');
    const page = flags.html === undefined ? undefined : { path: flags.html, force: flags.force };
    const delivered = this.deliver(records, {
      fallback,
      endless: endless && flags.plot === undefined,
      stored: report.stored,
      flags: flags.plot === undefined ? flags : { ...flags, format: 'table' },
      types: flags.rows,
      render: flags.plot === undefined ? undefined : featurePlots(names, observer.features, page),
      summarize: (summary) => {
        for (const notice of observer.summarize(summary, report)) this.notice(notice);
        if (flags['fail-on-gaps']) observer.failOnGaps(summary);
      },
    });
    return await delivered.finally(() => notes?.stop());
  }

  async #list(
    { features: all, windows }: FeatureSettings,
    { format = 'table', force, output, ...selection }: CommandFlags,
  ): Promise<SummaryDocument | undefined> {
    const features = listedFeatures(all, windows);
    const [file, ...more] = output?.filter((name) => name !== '-') ?? [];
    if (more.length > 0) throw new UsageError('features --list: expected one -o FILE');
    this.summary.data = features;
    if (this.jsonEnabled()) return this.summary.document(Date.now() * 1000);
    if (format === 'table' && file === undefined)
      return void this.log(await featureTable(features, process.stdout.columns ?? 140));
    await writeRows(featureRows(features), {
      format,
      selection,
      stdout: process.stdout,
      output: file,
      force,
      note: (text) => this.stderr.note(text),
    });
    return undefined;
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof Features.flags>;
