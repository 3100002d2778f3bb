import * as Args from '@oclif/core/args';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { durationFlag, outputFlags, storeFlags } from '../../lib/cli/flags.js';
import { sinkFlag } from '../../lib/cli/notify-flags.js';
import { readNotifySettings } from '../../lib/cli/notify-settings.js';
import { type NotifyTap, openTap } from '../../lib/cli/notify-sinks.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { BrokenLines } from '../../lib/input/broken-lines.js';
import { stoppedInput } from '../../lib/input/stopped-input.js';
import { counted } from '../../lib/model/counted.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord } from '../../lib/model/records.js';
import { MINUTE } from '../../lib/model/time.js';

export default class Notify extends BaseCommand {
  static override summary = 'Send events, signals and gaps to chats, webhooks and e-mail.';
  static override description =
    `Reads records and sends what people should know: \`event\`, \`signal\` and \`gap\`, findings of \`verify\`, orders. Alarms go first and alone; what is routine is merged for 3 s into one message; repeats are suppressed until they are cleared. At most 20 messages a minute go to one chat, and a pause that the server asks for is kept. Other records pass without a message.

The sinks are tables [notify.sinks.NAME] of mdtool.toml; docs/notify.md has one of each kind. A sink never holds the pipe: what it cannot take in time is counted, and the message says how many there were.

Exit 3: some events were not delivered.`;
  static override examples = [
    {
      description: 'Signals as messages',
      command: '<%= config.bin %> signals --follow -o - | <%= config.bin %> <%= command.id %> -',
    },
    {
      description: 'Findings of the nightly check',
      command: '<%= config.bin %> verify --store data -o - | <%= config.bin %> <%= command.id %> - --sink phone',
    },
    {
      description: 'Pass the records on',
      command: '<%= config.bin %> signals - < features.ndjson | <%= config.bin %> <%= command.id %> - -o - > signals.ndjson',
    },
  ];

  static override args = {
    input: Args.string({ multiple: true, description: 'Files or globs of records, or - for stdin.' }),
  };
  static override flags = {
    sink: sinkFlag(),
    'wait-for': durationFlag({
      summary: 'How long to wait at the end for messages to be delivered.',
      default: async () => MINUTE,
      defaultHelp: async () => '1m',
    }),
    ...outputFlags,
    ...storeFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(Notify);
    const input = args.input as readonly string[] | undefined;
    if (!input?.length)
      throw new UsageError('missing INPUT: - reads a pipe, mdtool notify run follows grid runs, mdtool notify test tries a sink');
    const settings = readNotifySettings(this.settings, process.env, flags.sink);
    const tap = await openTap(settings, `mdtool/${this.config.version}`, this.stderr);
    const broken = new BrokenLines((reason) => this.stderr.warn(reason));
    const records = tapped(stoppedInput(input, broken, this.stopped), tap);
    const end = async () => {
      if (broken.count > 0) this.summary.incomplete(`${counted(broken.count, 'input line')} could not be read`);
      const left = await tap.close(flags['wait-for'] / 1_000);
      this.summary.note({ sent: tap.notifier.sent });
      if (left > 0) this.summary.incomplete(`${counted(left, 'event was', 'events were')} not delivered`);
    };
    if (flags.output !== undefined) return await this.deliver(records, { flags, fallback: '-', endless: false, summarize: end });
    for await (const batch of records) for (const { type } of batch) this.summary.count(type);
    await end();
    return this.conclude();
  }
}

async function* tapped(source: AsyncIterable<AnyRecord[]>, tap: NotifyTap): AsyncGenerator<AnyRecord[]> {
  for await (const records of source) {
    tap.take(records);
    yield records;
  }
}
