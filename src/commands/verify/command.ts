import type { Interfaces } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { type VerifyRequest, verifyStore } from '../../lib/verify/store/verify-store.js';
import { verifyFlags } from './flags.js';
import { openAgainst, requireReadOnly, requireTrades, VerifyTally } from './run.js';
import { renderCoverage } from './table.js';

export default class Verify extends BaseCommand {
  static override summary = 'Check the store for gaps, duplicates, damage and anomalies.';
  static override description =
    `Gives a coverage record per exchange, market, symbol, channel and day, from its first to its last record. Where something is missing the day is cut: every gap is a row of its own with from_timestamp and until_timestamp (verdict hole), as is a silence that is longer than 60 s and than 20 times the median interval of that symbol at that hour over 7 days (verdict suspect). Piped to backfill, exactly the gaps are filled, and missing or damaged files are retired and fetched again.

Checked are the bytes of every file against the log of the store, files that are gone or that the log does not know, keys that come twice, order, values that cannot be, crossed books, deltas that do not continue their book or leave it crossed, recorded gaps that nothing has filled, and arrivals against the exchange's time. Verdict mismatch is data that is there and contradicts the log, itself or, with --against, the exchange. detail says what, where and what to do.

The store is only read. Exit 3 for a gap or a mismatch, with --strict also for suspicious rows.`;
  static override examples = [
    { description: 'Everything', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Yesterday and today of two symbols, candles compared with those of the exchange',
      command: '<%= config.bin %> <%= command.id %> --since 1d --symbols BTCUSDT,ETHUSDT --against exchange',
    },
    {
      description: 'Fill the gaps that were found',
      command: '<%= config.bin %> <%= command.id %> --format ndjson | <%= config.bin %> backfill -',
    },
  ];

  static override flags = verifyFlags;

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(Verify);
    requireReadOnly(flags.output);
    if (flags.against) requireTrades(flags.channels);
    const compared = flags.against ? await this.#against() : undefined;
    try {
      const request = { selection: selectionOf(flags), types: flags.channels, against: compared?.against };
      return await this.#deliver(flags, request);
    } finally {
      await compared?.close();
    }
  }

  #against() {
    return openAgainst({
      version: this.config.version,
      origin: this.restOrigin,
      stopped: this.stopped,
      summary: this.summary,
      notice: (text) => this.notice(text),
    });
  }

  #deliver(flags: CommandFlags, request: VerifyRequest): Promise<SummaryDocument> {
    const tally = new VerifyTally((text) => this.stderr.warn(text));
    return this.deliver(tally.counted(verifyStore(flags.store, request, tally)), {
      flags,
      fallback: '-',
      endless: false,
      types: ['coverage'],
      data: true,
      render: renderCoverage,
      summarize: (summary) => tally.conclude(summary, flags),
    });
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof Verify.flags>;
