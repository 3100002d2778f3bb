import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlags } from '../../../lib/cli/flags.js';
import { sinkFlag } from '../../../lib/cli/notify-flags.js';
import { readNotifySettings } from '../../../lib/cli/notify-settings.js';
import { openTap } from '../../../lib/cli/notify-sinks.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { counted } from '../../../lib/model/counted.js';
import { RunsFollower } from '../../../lib/notify/live/runs-follower.js';

/** Milliseconds that messages have to leave after Ctrl-C; what does not is sent by the next process. */
const GRACE = 5_000;

export default class NotifyRun extends BaseCommand {
  static override summary = 'Follow grid runs: send what happens, watch that they live.';
  static override description =
    `Reads the outbox of the runs of a store and sends what people should know, until it is stopped. A run never waits for it: it only reads their journals. How far each sink is stands beside the journal, so that a kill or a restart loses nothing; what may come twice has the same number.

A run whose process is gone for a minute, or gives no sign of life for 10 minutes, is an alarm, and so is a liquidation nearer than 10 % (beyond leverage 5: half of 1/leverage; stalled and liquidation_distance in [notify]). Runs that are created later are followed, too, unless names are given.`;
  static override examples = [
    { description: 'All runs of a store', command: '<%= config.bin %> <%= command.id %> --store data' },
    { description: 'One run, to one sink', command: '<%= config.bin %> <%= command.id %> eth-long --sink phone' },
  ];

  static override args = { names: Args.string({ multiple: true, description: 'Names of runs; without them, all.' }) };
  static override flags = {
    sink: sinkFlag(),
    ...storeFlags,
    beside: Flags.integer({ summary: 'Process that trades: follow until stdin ends, and its runs are over.', hidden: true }),
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(NotifyRun);
    const names = (args.names as readonly string[] | undefined) ?? [];
    const settings = readNotifySettings(this.settings, process.env, flags.sink);
    const tap = await openTap(settings, `mdtool/${this.config.version}`, this.stderr);
    const { stalled, liquidation, liquidationBySymbol } = settings.limits;
    const follower = new RunsFollower({
      ...{ store: flags.store, names, notifier: tap.notifier, stalled },
      liquidation: (symbol) => liquidationBySymbol[symbol] ?? liquidation,
      warn: (text) => this.stderr.warn(text),
      note: (text) => this.stderr.log.info(text),
    });
    await follower.run(this.stopped, flags.beside === undefined ? undefined : { pid: flags.beside, ended: endOfInput() });
    const left = await tap.close(GRACE);
    await follower.close();
    this.summary.note({ sent: tap.notifier.sent });
    if (left > 0) this.notice(`${counted(left, 'event waits', 'events wait')} for the next start`);
    return this.conclude();
  }
}

/** A signal that is aborted when stdin ends: a pipe to a process ends with it, however it ends. */
function endOfInput(): AbortSignal {
  const ended = new AbortController();
  for (const event of ['end', 'close', 'error'] as const) process.stdin.once(event, () => ended.abort());
  process.stdin.resume();
  // The terminal may be gone by then.
  process.stderr.on('error', () => {});
  return ended.signal;
}
