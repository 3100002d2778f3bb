import { counted } from '../model/counted.js';
import type { AnyRecord, EventRecord } from '../model/records.js';
import type { RecordSource } from '../storage/database/row-table.js';
import type { NotifyFlags } from './notify-flags.js';
import { readNotifySettings } from './notify-settings.js';
import { type NotifyTap, openTap } from './notify-sinks.js';
import type { Settings } from './settings.js';
import type { Stderr } from './stderr.js';
import { writerId } from './writer-id.js';

/** Milliseconds that messages have to leave when the step has ended. */
const GRACE = 10_000;

/** What of a step is sent. */
export type AlertScope = 'all' | 'failures';

type StepContext = {
  readonly covers: AlertScope;
  /** Name of the command. */
  readonly step: string;
  readonly settings: Settings;
  readonly userAgent: string;
  readonly stderr: Stderr;
};

/** What a step sends to sinks beside its outputs: its records, and why it did not end well. */
export class StepAlerts {
  readonly #tap: NotifyTap;
  readonly #context: StepContext;
  readonly #run: string;
  #seq = 0;

  private constructor(tap: NotifyTap, context: StepContext) {
    this.#tap = tap;
    this.#context = context;
    this.#run = writerId(context.step);
  }

  /** Opens the sinks. Throws a `UsageError` where a setting is missing or wrong. */
  static async open({ sink }: NotifyFlags, context: StepContext): Promise<StepAlerts> {
    const settings = readNotifySettings(context.settings, process.env, sink);
    return new StepAlerts(await openTap(settings, context.userAgent, context.stderr), context);
  }

  /** Passes records on; taking them never waits for a sink. A table is read as records, since it has no other place to be seen. */
  through(source: RecordSource): RecordSource {
    if (this.#context.covers === 'failures') return source;
    const { take } = this.#tap;
    return (async function* () {
      for await (const records of source) {
        take(records);
        yield records;
      }
    })();
  }

  /** Reports why the step ends before its end. */
  fail(message: string): void {
    this.#send('alarm', 'failed', message);
  }

  /** Reports why the step did not end well, and sends what waits. */
  async close(reasons: readonly string[]): Promise<void> {
    if (this.#context.covers === 'all') for (const reason of reasons) this.#send('warning', 'incomplete', reason);
    const left = await this.#tap.close(GRACE);
    if (left > 0) this.#context.stderr.warn(`notify: ${counted(left, 'event was', 'events were')} not delivered`);
  }

  #send(severity: EventRecord['severity'], kind: string, message: string): void {
    const timestamp = Date.now() * 1_000;
    const text = `${this.#context.step}: ${message}`;
    const event = { type: 'event', timestamp, localTimestamp: timestamp, run: this.#run, seq: this.#seq++ } as const;
    this.#tap.take([{ ...event, severity, kind, message: text } satisfies AnyRecord]);
  }
}
