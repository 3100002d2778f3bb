import type { AnyRecord } from '../model/records.js';
import { Notifier } from '../notify/live/notifier.js';
import { openSink } from '../notify/live/sinks/registry.js';
import type { Sink } from '../notify/live/sinks/sink.js';
import { buildPolicy } from '../notify/policy.js';
import { RecordNotices } from '../notify/record-notices.js';
import { createHttpClient } from '../transport/http.js';
import type { NotifySettings } from './notify-settings.js';
import type { Stderr } from './stderr.js';

/** Milliseconds for one message: a server that hangs is asked again. */
const TIMEOUT = 10_000;

/** Sinks that are open; `close` ends what is under way. */
type OpenSinks = { readonly sinks: readonly Sink[]; readonly close: () => Promise<void> };

/** Opens the sinks of the settings. Throws a `UsageError` for one that lacks something. */
export async function openSinks({ sinks }: Pick<NotifySettings, 'sinks'>, userAgent: string): Promise<OpenSinks> {
  const ended = new AbortController();
  const http = await createHttpClient({ userAgent, timeout: TIMEOUT, largestBody: 65_536, signal: ended.signal });
  const close = async () => {
    ended.abort();
    await http.close();
  };
  try {
    return { sinks: sinks.map(({ settings }) => openSink(settings, http)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Records on their way to sinks, beside what else happens to them. */
export type NotifyTap = {
  readonly notifier: Notifier;
  readonly take: (records: readonly AnyRecord[]) => void;
  /** Sends what waits, for at most the milliseconds; returns the number of events that were not delivered. */
  readonly close: (grace: number) => Promise<number>;
};

/** Opens a tap: taking records never waits for a sink. */
export async function openTap(settings: NotifySettings, userAgent: string, stderr: Stderr): Promise<NotifyTap> {
  const { sinks, close } = await openSinks(settings, userAgent);
  const routes = sinks.map((sink, index) => ({
    sink,
    policy: buildPolicy((settings.sinks[index] as NotifySettings['sinks'][number]).rules),
  }));
  const notifier = new Notifier(routes, { log: (severity, text) => stderr.log[severity](text) });
  const notices = new RecordNotices();
  notifier.start();
  return {
    notifier,
    take: (records) => {
      for (const record of records) {
        const notice = notices.read(record);
        if (notice) notifier.take(notice);
      }
    },
    close: async (grace) => {
      const left = await notifier.close(grace);
      await close();
      return left + notifier.lost;
    },
  };
}
