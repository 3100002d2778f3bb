import * as Args from '@oclif/core/args';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { readNotifySettings } from '../../../lib/cli/notify-settings.js';
import { openSinks } from '../../../lib/cli/notify-sinks.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import type { Delivery, Message } from '../../../lib/notify/sink-queue.js';

export default class NotifyTest extends BaseCommand {
  static override summary = 'Send one test message to a sink.';
  static override description =
    'Sends a message once, without a second try, and says what the server answered. Exit 5 when it was not delivered.';
  static override examples = [
    { description: 'One sink', command: '<%= config.bin %> <%= command.id %> phone' },
    { description: 'All sinks of mdtool.toml', command: '<%= config.bin %> <%= command.id %>' },
  ];

  static override args = { sink: Args.string({ description: 'Name of the sink; without it, all of them.' }) };

  async run(): Promise<SummaryDocument> {
    const { args } = await this.parse(NotifyTest);
    const settings = readNotifySettings(this.settings, process.env, args.sink === undefined ? undefined : [args.sink]);
    const { sinks, close } = await openSinks(settings, `mdtool/${this.config.version}`);
    const rows: { sink: string; result: string; reason?: string }[] = [];
    try {
      for (const sink of sinks) {
        const delivery = await sink.send(testMessage(sink.name));
        rows.push({ sink: sink.name, result: delivery.kind, ...(delivery.kind !== 'delivered' && { reason: delivery.reason }) });
        this.#report(sink.name, delivery);
      }
    } finally {
      await close();
    }
    this.summary.data = rows;
    for (const reason of this.summary.reasons) this.stderr.error(reason);
    process.exitCode = this.summary.exitCode;
    return this.summary.document(Date.now() * 1000);
  }

  #report(name: string, delivery: Delivery): void {
    if (delivery.kind !== 'delivered') this.summary.unreachable(`notify sink ${name}: ${delivery.reason}`);
    else if (!this.jsonEnabled()) this.log(`${name}: delivered`);
  }
}

function testMessage(name: string): Message {
  const text = `mdtool: a test of the sink ${name}. Alarms will look like this: ALARM  PAPER example/1  BTCUSDT  test: nothing is wrong`;
  return { id: `test/${name}/${Date.now()}`, severity: 'routine', kind: 'test', text, notices: [], backlog: new Map() };
}
