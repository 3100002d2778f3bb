import type { Interfaces } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { progressOn } from '../../lib/cli/progress.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { startStep } from '../../lib/storage/journal/step-lock.js';
import { backfillFlags, inputArgument } from './flags.js';
import { printPlan } from './print-plan.js';
import { type PreparedBackfill, prepareBackfill } from './run.js';

export default class Backfill extends BaseCommand {
  static override summary = 'Fetch trades, candles, funding, open interest, marks.';
  static override description =
    `Fetches everything that the store lacks between --since and --until. Nothing is deleted or stored twice. A run that was stopped or killed continues where it ended. Without --since it starts at the first stored record. --plan reports what is available before anything is fetched; how far back an exchange's history goes differs by channel.

Open candles are left to the next run. A recorded gap counts as repaired when the fetched trades overlap the known trades at both ends.

If coverage has the verdict \`hole\` or \`mismatch\`, the affected files are compared with the store's log. Missing, unreadable or changed files are quarantined as .NAME.damaged beside their place. In the same step a gap (lost) records their contents until they are fetched. mdtool candles and mdtool features then rebuild what depends on them.`;
  static override examples = [
    {
      description: 'Plan a month of 1m candles: requests, time, what is unavailable',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bybit --market linear --symbols BTCUSDT --channels candle --interval 1m --since 30d --plan',
    },
    {
      description: 'Fetch exactly what verify reports as missing',
      command: '<%= config.bin %> verify --format ndjson | <%= config.bin %> <%= command.id %> -',
    },
    {
      description: "Import a day of trades from Bybit's public archive",
      command: '<%= config.bin %> <%= command.id %> https://public.bybit.com/trading/BTCUSDT/BTCUSDT2024-06-01.csv.gz',
    },
    {
      description: 'Settled funding rates since January, as a file',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bitget --market linear --channels funding --since 30d -o funding.csv',
    },
  ];

  static override args = { input: inputArgument };

  static override flags = backfillFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(Backfill);
    await this.openAlerts(flags);
    const intoStore = flags.output?.includes('store') ?? flags.output === undefined;
    if (!intoStore || flags.plan) return await this.#prepared(args.input, flags, intoStore);
    const step = await startStep(flags.store, 'backfill', { wait: flags.wait, signal: this.stopped });
    if (!step) {
      this.notice(`${flags.store}: another run is using this store; --wait waits for it`);
      return this.conclude();
    }
    try {
      return await this.#prepared(args.input, flags, intoStore);
    } finally {
      await step.release();
    }
  }

  async #prepared(input: string[] | undefined, flags: CommandFlags, intoStore: boolean): Promise<SummaryDocument> {
    const prepared = await prepareBackfill({
      paths: input ?? [],
      flags,
      intoStore,
      origin: this.restOrigin,
      stopped: this.stopped,
      version: this.config.version,
      summary: this.summary,
      notice: (text) => this.notice(text),
      note: (text) => this.stderr.note(text),
      warn: (text) => this.stderr.warn(text),
    });
    try {
      if (prepared.planLine !== undefined) this.stderr.note(prepared.planLine);
      return flags.plan ? await this.#plan(prepared, flags) : await this.#fetch(prepared, flags, intoStore);
    } finally {
      await prepared.close();
    }
  }

  async #plan({ tasks }: PreparedBackfill, flags: CommandFlags): Promise<SummaryDocument> {
    this.summary.data = await printPlan(tasks, { ...flags, selection: flags, json: this.jsonEnabled(), stderr: this.stderr });
    for (const reason of this.summary.reasons) this.stderr.error(reason);
    process.exitCode = this.summary.exitCode;
    return this.summary.document(Date.now() * 1_000);
  }

  #fetch(prepared: PreparedBackfill, flags: CommandFlags, intoStore: boolean): Promise<SummaryDocument> {
    return this.deliver(prepared.run(progressOn(this.stderr, flags.output)), {
      flags,
      fallback: 'store',
      endless: false,
      showsProgress: true,
      types: flags.channels,
      stored: intoStore ? true : undefined,
      summarize: (summary) => prepared.summarize(summary),
    });
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof Backfill.flags>;
