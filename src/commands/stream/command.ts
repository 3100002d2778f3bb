import type { Interfaces } from '@oclif/core';
import { typesOf } from '../../lib/capture/selection.js';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { FEATURES_PRESET } from '../../lib/cli/live/context.js';
import { openLiveStream } from '../../lib/cli/live/live-stream.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { streamFlags } from './flags.js';
import { refuseForeign } from './live-flags.js';
import { openReplayStream } from './replay-stream.js';
import { captureShards, ownShard, refuseLeaseFlags, stopWithParent } from './shards.js';

export default class Stream extends BaseCommand {
  static override summary = 'Capture live market data, or replay recorded tapes.';
  static override description =
    `Subscribes to every selected instrument within the exchange's rate limits, reconnects after a disconnect, follows new listings and delistings, and writes records to the store until it is stopped. By default it captures the trades of USDT pairs (spot), USDT perpetuals (linear) and perpetuals (inverse). A disconnect is a \`gap\` record per channel and symbol. Each second of exchange time is a \`clock\` record.

Trades missed by a disconnect, a slow output or a pause between two runs are fetched from the exchange, each once and in order. The \`gap\` record counts them and says whether some are still missing. Other channels cannot be fetched again: a pause between two runs is a \`gap\` with reason shutdown, which does not change the exit code and for which verify has the verdict \`hole\`.

--replay runs tapes through the same code in the tape's own time. The same tape and flags give the same records, byte for byte.

Exit 3: some data was not received or could not be read; everything else is written. Exit 5: nothing was connected within 60 s of the start.`;
  static override examples = [
    {
      description: 'All USDT perpetuals into ./data',
      command: '<%= config.bin %> <%= command.id %> --exchange bitget --market linear',
    },
    {
      description: 'One hour of trades and books from two exchanges, one file per type',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bitget,bybit --market linear --symbols BTCUSDT,ETHUSDT --channels trade,book --duration 1h -o "{type}.csv"',
    },
    {
      description: 'Into the store and a pipe',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bybit --market spot --symbols BTCUSDT -o store -o - | mdtool candles - --interval 1s',
    },
    {
      description: 'Open interest and funding only, polled every minute',
      command:
        '<%= config.bin %> <%= command.id %> --exchange bybit --market linear --channels none --poll open_interest,funding --poll-every 1m',
    },
    {
      description: 'Replay a tape',
      command: '<%= config.bin %> <%= command.id %> --replay fixtures/bybit-v5.tape.ndjson.gz --market linear -o -',
    },
  ];

  static override flags = streamFlags;

  async run(): Promise<SummaryDocument> {
    const { flags, metadata } = await this.parse(Stream);
    refuseForeign(flags.replay !== undefined, flags, metadata.flags);
    if (flags.shard && 'leased' in flags.shard) return await this.#captureShards(flags, flags.shard.leased);
    refuseLeaseFlags(this.argv);
    const shard = ownShard(flags.shard);
    stopWithParent();
    await this.openAlerts(flags);
    const { settings, stderr, summary, stopped } = this;
    const notice = (message: string) => this.notice(message);
    const stream = flags.replay
      ? await openReplayStream({ ...flags, shard, replay: flags.replay }, stopped, notice, (reason) => summary.incomplete(reason))
      : await openLiveStream({
          flags: { ...flags, shard },
          settings,
          stderr,
          summary,
          stopped,
          version: this.config.version,
          notice,
        });
    const { records, output, claims, summarize } = stream;
    const fallback = flags.replay ? '-' : 'store';
    const types = typesOf(flags.channels, flags.market, flags.poll);
    try {
      const delivery = { flags: { ...flags, output }, fallback, endless: true, types, claims, summarize } as const;
      const document = await this.deliver(records, delivery);
      if (process.stderr.isTTY && !flags.replay) this.#sayNext(flags, output);
      return document;
    } finally {
      await stream.close();
    }
  }

  async #captureShards(flags: CommandFlags, count: number): Promise<SummaryDocument> {
    const code = await captureShards({
      ...{ flags, count, argv: this.argv, version: this.config.version, stopped: this.stopped },
      notice: (text) => this.stderr.log.info(text),
      line: (text) => this.stderr.above(text),
    });
    const document = this.concludeQuietly();
    process.exitCode = code;
    return document;
  }

  /** Says what follows a capture into a store. */
  #sayNext({ channels, store }: { channels: readonly string[]; store: string }, output: readonly string[] | undefined): void {
    if (output !== undefined && !output.includes('store')) return;
    const steps = [
      ...(channels.includes('trade') ? [`mdtool candles --store ${store} --interval 1m`] : []),
      ...(FEATURES_PRESET.every((channel) => channels.includes(channel)) ? [`mdtool features --store ${store}`] : []),
      `mdtool verify --store ${store}`,
    ];
    this.stderr.note(`next: ${steps.join(', or ')}`);
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof streamFlags>;
