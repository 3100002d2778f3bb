import { typesOf } from '../../lib/capture/selection.js';
import { BaseCommand } from '../../lib/cli/base-command.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { streamFlags } from './flags.js';
import { refuseForeign } from './live-flags.js';
import { openLiveStream } from './live-stream.js';
import { openReplayStream } from './replay-stream.js';

export default class Stream extends BaseCommand {
  static override summary = 'Capture the public feeds of the exchanges, or turn recorded tapes into records.';
  static override description =
    `Subscribes every instrument that is wanted at the pace the exchange demands, connects again after a loss, follows new listings and delistings, and writes records to the store until it is stopped. By default these are the trades of what one usually trades: USDT pairs on spot, USDT perpetuals on linear, perpetuals on inverse. A connection that was lost is a \`gap\` record per channel and symbol; every second that the exchange's time has passed is a \`clock\` record.

Trades that a lost connection, a slow output or a pause between two runs into one store left out are fetched from the exchange, each once and in order: the \`gap\` says how many, and whether some are missing all the same. Of everything else
what lies between two runs is gone: a \`gap\` with reason shutdown says so per channel and symbol. It does not change the
exit code; verify names it as a hole.

With --replay it feeds tapes through the same code, in the tape's own time: the same tape and flags give the same records, byte for byte.

Exit 3 when something was not received or could not be read; what came is given all the same. Exit 5 when nothing was connected within 60 s of the start.`;
  static override examples = [
    {
      description: 'All USDT perpetuals into ./data',
      command: '<%= config.bin %> <%= command.id %> --exchange bitget --market linear',
    },
    {
      description: 'Two exchanges, books and trades of two symbols, an hour, as a file',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bitget,bybit --market linear --symbols BTCUSDT,ETHUSDT --channels trade,book --duration 1h -o "{type}.csv"',
    },
    {
      description: 'Into a pipe and the store',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bybit --market spot --symbols BTCUSDT -o store -o - | mdtool candles - --interval 1s',
    },
    {
      description: 'Open interest and funding alone, asked for every minute',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bybit --market linear --channels none --poll open_interest,funding --poll-every 1m',
    },
    {
      description: 'A tape',
      command: '<%= config.bin %> <%= command.id %> --replay fixtures/bybit-v5.tape.ndjson.gz --market linear -o -',
    },
  ];

  static override flags = streamFlags;

  async run(): Promise<SummaryDocument> {
    const { flags, metadata } = await this.parse(Stream);
    refuseForeign(flags.replay !== undefined, flags, metadata.flags);
    const { settings, stderr, summary, stopped } = this;
    const notice = (message: string) => this.notice(message);
    const stream = flags.replay
      ? await openReplayStream({ ...flags, replay: flags.replay }, stopped, notice, (reason) => summary.incomplete(reason))
      : await openLiveStream({ flags, settings, stderr, summary, stopped, version: this.config.version, notice });
    const { records, output, claims, summarize } = stream;
    const fallback = flags.replay ? '-' : 'store';
    const types = typesOf(flags.channels, flags.market, flags.poll);
    try {
      return await this.deliver(records, { flags: { ...flags, output }, fallback, endless: true, types, claims, summarize });
    } finally {
      await stream.close();
    }
  }
}
