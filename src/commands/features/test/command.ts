import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { engineOptionsOf, featureFlags } from '../../../lib/cli/feature-flags.js';
import { exchangesFlag, inputArgument, marketsFlag, storeFlags, symbolsFlag, timeFlags } from '../../../lib/cli/flags.js';
import { requireKnownSymbols } from '../../../lib/cli/known-store.js';
import { selectionOf } from '../../../lib/cli/record-selection.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { readTrialRecords, spreadCuts } from '../../../lib/features/store/trial-records.js';
import { tryFeatures } from '../../../lib/features/trial.js';
import { EXIT, FailureError } from '../../../lib/model/errors.js';
import { trialText } from '../trial-text.js';

export default class FeaturesTest extends BaseCommand {
  static override summary = 'Test features for look-ahead and live/batch differences.';
  static override description =
    `Three proofs: the data is cut off at random moments, and every row known before must be unchanged (look-ahead); the records as they arrived, one by one, must give the same rows as all of them at once (stream against batch); the data is made to begin later, and every feature must be the same after the rows it declares as its warm-up.

Exit 1 when one of them fails. The records are held in memory: choose a time and symbols of a large store.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> market.ndjson.gz',
    '<%= config.bin %> <%= command.id %> --store data --symbols BTCUSDT --since 1d --cuts 20',
  ];

  static override args = { input: inputArgument };

  static override flags = {
    ...featureFlags,
    cuts: Flags.integer({ summary: 'How often the data is cut off.', default: 6, min: 1, max: 1000, helpValue: 'N' }),
    seed: Flags.integer({ summary: 'Seed of the moments: the same one cuts at the same ones.', default: 1, helpValue: 'N' }),
    exchange: exchangesFlag(),
    market: marketsFlag(),
    symbols: symbolsFlag(),
    ...timeFlags,
    ...storeFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(FeaturesTest);
    const engine = await engineOptionsOf(flags);
    let broken = 0;
    if (!args.input?.length) await requireKnownSymbols(flags.store, flags);
    const records = await readTrialRecords({
      input: args.input ?? [],
      store: flags.store,
      selection: selectionOf(flags),
      stopped: this.stopped,
      listener: { broken: () => (broken += 1) },
    });
    if (records.length === 0) throw new FailureError('features test: expected trades, books or tickers, found none');
    const report = tryFeatures(records, {
      ...engine,
      cuts: spreadCuts(flags.cuts, flags.seed),
      laterStart: 0.25,
    });
    this.summary.note({ input_records: records.length, broken, rows: report.rows, late: report.late, cuts: report.cuts });
    if (this.jsonEnabled()) this.summary.data = [report];
    else this.log(trialText(report));
    const document = this.conclude();
    if (report.passed) return document;
    process.exitCode = EXIT.failure;
    this.stderr.error('features test: failed; the rows above differ');
    return { ...document, exit_code: EXIT.failure };
  }
}
