import { BaseCommand } from '../lib/cli/base-command.js';
import { selectionOf } from '../lib/cli/candles/flags.js';
import type { SummaryDocument } from '../lib/cli/summary.js';
import { verifyFlags } from '../lib/cli/verify/flags.js';
import { requireReadOnly, VerifyTally } from '../lib/cli/verify/run.js';
import { renderCoverage } from '../lib/cli/verify/table.js';
import { verifyStore } from '../lib/ingest/verify/verify-store.js';

export default class Verify extends BaseCommand {
  static override summary = 'Prove what the store holds: what is whole, missing, doubled, changed or suspicious, and where.';
  static override description =
    `Gives a coverage record per exchange, market, symbol, channel and day, from its first to its last record. Where something is missing the day is cut: every hole is a row of its own with from_timestamp and until_timestamp (verdict hole), as is a silence that is longer than 60 s and than 20 times the median interval of that symbol at that hour over 7 days (verdict suspect). Piped to backfill, exactly the holes are filled.

Checked are the bytes of every file against the log of the store, files that are gone or that the log does not know, keys that come twice, order, values that cannot be, crossed books, recorded gaps that nothing has filled, and arrivals against the exchange's time. Verdict mismatch is data that is there and contradicts the log or itself. detail says what, where and what to do.

The store is only read. Exit 3 when there is a hole or a mismatch, with --strict also for what is suspicious.`;
  static override examples = [
    { description: 'Everything', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Yesterday and today of two symbols',
      command: '<%= config.bin %> <%= command.id %> --since 1d --symbols BTCUSDT,ETHUSDT',
    },
    {
      description: 'Fill the holes that were found',
      command: '<%= config.bin %> <%= command.id %> --format ndjson | <%= config.bin %> backfill -',
    },
  ];

  static override flags = verifyFlags;

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(Verify);
    requireReadOnly(flags.output);
    const tally = new VerifyTally((text) => this.stderr.warn(text));
    const rows = verifyStore(flags.store, { selection: selectionOf(flags), types: flags.channels }, tally);
    return await this.deliver(tally.counted(rows), {
      flags,
      fallback: '-',
      endless: false,
      types: ['coverage'],
      data: true,
      render: renderCoverage,
      summarize: (summary) => tally.conclude(summary, flags.strict),
    });
  }
}
