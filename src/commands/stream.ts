import { Flags } from '@oclif/core';
import { BaseCommand } from '../lib/cli/base-command.js';
import {
  durationFlag,
  exchangesFlag,
  intervalsFlag,
  marketsFlag,
  outputFlags,
  storeFlag,
  symbolsFlag,
} from '../lib/cli/flags.js';
import { channelsFlag, filesFlag, positiveFlag } from '../lib/cli/stream-flags.js';
import { summarize } from '../lib/cli/stream-summary.js';
import type { SummaryDocument } from '../lib/cli/summary.js';
import { afterInput, sleep } from '../lib/ingest/closing.js';
import { expandPaths } from '../lib/ingest/paths.js';
import { openReplay } from '../lib/ingest/replay.js';
import { UsageError } from '../lib/model/errors.js';
import { SECOND } from '../lib/model/time.js';

export default class Stream extends BaseCommand {
  static override summary = 'Turn recorded frames of an exchange into records.';
  static override description =
    `Feeds tapes through the code that live frames take, in the tape's own time: the same tape and flags
give the same records, byte for byte. Broken books and lost connections become \`gap\` records; every second
that the exchange's time has passed is a \`clock\` record.

Exit 3 when a frame or tape line could not be read or a hole remains; what could be read is still given.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> --replay fixtures/bybit-v5.tape.ndjson.gz --market linear -o -',
    '<%= config.bin %> <%= command.id %> --replay day1.tape.gz,day2.tape.gz --channels trade,book --symbols BTCUSDT -o "{type}.csv"',
  ];

  static override flags = {
    exchange: exchangesFlag({ default: async () => [], defaultHelp: async () => 'the exchanges of the tapes' }),
    market: marketsFlag({ defaultHelp: async () => 'all on the tapes' }),
    symbols: symbolsFlag(),
    channels: channelsFlag({ default: async () => ['trade'], defaultHelp: async () => 'trade' }),
    interval: intervalsFlag({ summary: 'Candle intervals to keep, separated by commas. Default: all that were recorded.' }),
    depth: Flags.integer({ summary: 'Levels of a book_snapshot, on each side.', default: 15, min: 1, helpValue: 'N' }),
    'book-interval': durationFlag({
      summary: 'Least time between two snapshots of a book; the last state is never withheld.',
      default: async () => SECOND,
      defaultHelp: async () => '1s',
    }),
    replay: filesFlag({ summary: 'Tapes to replay, separated by commas; globs; `-` reads stdin.' }),
    speed: positiveFlag({ summary: 'Replay at so many times the recorded speed. Default: as fast as possible.' }),
    store: storeFlag,
    ...outputFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(Stream);
    if (!flags.replay) throw new UsageError('stream: expected --replay TAPE (capture from an exchange is not built yet)');
    const paths = await expandPaths(flags.replay);
    const signal = paths.includes('-') ? afterInput(this.stopped) : this.stopped;
    const { records, statistics } = await openReplay({
      paths,
      exchanges: flags.exchange ?? [],
      markets: flags.market,
      symbols: flags.symbols,
      channels: flags.channels,
      intervals: flags.interval,
      depth: flags.depth,
      bookInterval: flags['book-interval'],
      warn: (message) => this.notice(message),
      pacing: { speed: flags.speed, elapsed: () => performance.now(), sleep: (ms) => sleep(ms, signal), signal },
    });
    return this.deliver(records, {
      flags,
      fallback: '-',
      endless: true,
      summarize: (summary) => summarize(statistics, summary),
    });
  }
}
