import type { Interfaces } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { startStep } from '../../lib/storage/journal/step-lock.js';
import { backfillFlags, inputArgument } from './flags.js';
import { printPlan, progressOn } from './print-plan.js';
import { type PreparedBackfill, prepareBackfill } from './run.js';

export default class Backfill extends BaseCommand {
  static override summary = 'Fetch the past: trades, candles, funding, open interest, mark and index prices.';
  static override description =
    `Fills what the store lacks between --since and --until: holes, head and tail; nothing is deleted, nothing is stored twice. A run that was stopped or killed goes on where it was. Without --since it begins with the first record stored. --plan says before anything is fetched what can be had and what cannot: how far back an exchange goes differs by channel.

Candles that are not over are left to the next run. A recorded gap counts as repaired when the trades fetched meet what is known at both ends.

Where coverage tells of a hole or a mismatch, the files behind it are compared with the log of the store. Those that are gone, cannot be read or were changed are taken out and kept beside their place as .NAME.damaged; in the same step a gap (lost) records what was in them, until it is fetched. Candles and features are built again by their steps.`;
  static override examples = [
    {
      description: 'A month of minutes, and what it will take before that',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bybit --market linear --symbols BTCUSDT --channels candle --interval 1m --since 30d --plan',
    },
    {
      description: 'Fill exactly what verify found',
      command: '<%= config.bin %> verify --format ndjson | <%= config.bin %> <%= command.id %> -',
    },
    {
      description: "A day of Bybit's trades from its public archive",
      command: '<%= config.bin %> <%= command.id %> https://public.bybit.com/trading/BTCUSDT/BTCUSDT2026-11-20.csv.gz',
    },
    {
      description: 'Every settled funding rate of the year, as a file',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bitget --market linear --channels funding --since 2026-01-01 -o funding.csv',
    },
  ];

  static override args = { input: inputArgument };

  static override flags = backfillFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(Backfill);
    const intoStore = flags.output?.includes('store') ?? flags.output === undefined;
    if (!intoStore || flags.plan) return await this.#prepared(args.input, flags, intoStore);
    const step = await startStep(flags.store, 'backfill', { wait: flags.wait, signal: this.stopped });
    if (!step) {
      this.notice(`${flags.store}: already running; --wait waits for the other run`);
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
      if (prepared.said !== undefined) this.stderr.note(prepared.said);
      return flags.plan ? await this.#plan(prepared, flags) : await this.#fetch(prepared, flags, intoStore);
    } finally {
      await prepared.close();
    }
  }

  async #plan({ tasks }: PreparedBackfill, flags: CommandFlags): Promise<SummaryDocument> {
    this.summary.data = await printPlan(tasks, { ...flags, json: this.jsonEnabled(), stderr: this.stderr });
    for (const reason of this.summary.reasons) this.stderr.error(reason);
    process.exitCode = this.summary.exitCode;
    return this.summary.document(Date.now() * 1_000);
  }

  #fetch(prepared: PreparedBackfill, flags: CommandFlags, intoStore: boolean): Promise<SummaryDocument> {
    return this.deliver(prepared.run(progressOn(this.stderr, flags.output)), {
      flags,
      fallback: 'store',
      endless: false,
      types: flags.channels,
      stored: intoStore ? true : undefined,
      summarize: (summary) => prepared.summarize(summary),
    });
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof Backfill.flags>;
