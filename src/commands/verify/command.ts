import type { Interfaces } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { requireKnownSymbols } from '../../lib/cli/known-store.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { type VerifyRequest, verifyStore } from '../../lib/verify/store/verify-store.js';
import { verifyFlags } from './flags.js';
import { openAgainst, requireReadOnly, requireTrades, VerifyTally } from './run.js';
import { renderCoverage } from './table.js';

export default class Verify extends BaseCommand {
  static override summary = 'Check the store for gaps, duplicates, damage and anomalies.';
  static override description =
    `Emits one coverage record per exchange, market, symbol, channel and day, from the first to the last record. A gap splits the day and has its own row with from_timestamp and until_timestamp (verdict \`hole\`). So has a silence that is longer than 60 s and longer than 20 times the median interval of that symbol at that hour over 7 days (verdict \`suspect\`). Pipe the records to backfill to fill exactly these gaps and to replace missing or damaged files.

Checks the bytes of every file against the log of the store, missing and unknown files, duplicate keys, order, impossible values, crossed books, deltas that do not continue their book, open gaps, and arrival times. The verdict \`mismatch\` means that stored data contradicts the log, itself or, with --against, the exchange. The field detail says what is wrong, where, and what to do.

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
    await this.openAlerts(flags);
    requireReadOnly(flags.output);
    if (flags.against) requireTrades(flags.channels);
    const selection = selectionOf(flags);
    await requireKnownSymbols(flags.store, flags);
    const compared = flags.against ? await this.#against() : undefined;
    try {
      const request = { selection, types: flags.channels, against: compared?.against };
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
