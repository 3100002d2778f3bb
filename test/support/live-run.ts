import type { HealthWatch } from '../../src/lib/capture/live/health-watch.js';
import type { Live } from '../../src/lib/capture/live/live.js';
import type { LiveOptions } from '../../src/lib/capture/live/live-options.js';
import type { Polled } from '../../src/lib/capture/live/polls.js';
import { openLive } from '../../src/lib/capture/live/run.js';
import type { RepairLimits } from '../../src/lib/capture/repair/repair-job.js';
import { EXCHANGES } from '../../src/lib/exchanges/index.js';
import type { Pacing } from '../../src/lib/exchanges/live-protocol.js';
import { RestClient } from '../../src/lib/history/rest-client.js';
import type { AnyRecord } from '../../src/lib/model/records.js';
import { SECOND } from '../../src/lib/model/time.js';
import { createHttpClient } from '../../src/lib/transport/http.js';
import { SYSTEM_TIMING } from '../../src/lib/transport/timing.js';
import type { ExchangeServer } from './exchange-server/index.js';

/** The exchanges' own pacing, so many times as fast: to be used with a server whose rules count as much faster. */
export function faster(pacing: Pacing, times: number): Pacing {
  const scaled = Object.entries(pacing).map(([name, value]) => [
    name,
    name === 'connectsAtOnce' || name === 'connectsPerFiveMinutes' ? value : value / times,
  ]);
  return Object.fromEntries(scaled) as Pacing;
}

export type TestRun = {
  readonly live: Live;
  readonly records: AnyRecord[];
  readonly log: string[];
  readonly incomplete: string[];
  /** Resolves when `check` holds; throws with the log when it does not in time. */
  until(check: () => boolean, what: string, milliseconds?: number): Promise<void>;
  /** Stops the capture and resolves when its records have ended. */
  stop(): Promise<AnyRecord[]>;
  /** Resolves, or rejects, when the records have ended by themselves. */
  readonly ended: Promise<void>;
};

/** As a real run has them, but for a silence that is believed sooner. */
const LIMITS: RepairLimits = {
  hold: 15 * SECOND,
  within: 60 * SECOND,
  settle: 0.5 * SECOND,
  most: 3_600 * SECOND,
  records: 100_000,
};

export type TestOptions = Partial<Omit<LiveOptions, 'venues' | 'repair' | 'polled'>> & {
  /** Holes are repaired, within limits of the test's own. */
  readonly repair?: Partial<RepairLimits>;
  /** Microseconds between two audits of a trade feed. */
  readonly auditEvery?: number;
  readonly times?: number;
  readonly pacing?: Partial<Pacing>;
  readonly planning?: LiveOptions['venues'][number]['planning'];
  readonly api?: string;
  readonly polled?: Omit<Polled, 'client'>;
  /** Called with each batch before the next is taken: a slow output. */
  readonly take?: (records: readonly AnyRecord[]) => Promise<void> | void;
  /** Watches the health of the capture. */
  readonly watch?: (parts: { readonly live: Live; readonly rest: RestClient }) => HealthWatch;
};

/** Captures from local exchanges, `times` as fast as the real ones are treated. */
export async function captureFrom(servers: readonly ExchangeServer[], options: TestOptions = {}): Promise<TestRun> {
  const { times = 50, pacing, planning = {}, api, take, repair, auditEvery, polled, watch, ...others } = options;
  const log: string[] = [];
  const incomplete: string[] = [];
  const stopping = new AbortController();
  const requests = new AbortController();
  const client = await createHttpClient({ userAgent: 'test', signal: requests.signal, retries: 0 });
  const say = (message: string) => void log.push(message);
  const rest = new RestClient({
    http: client,
    origin: ({ id }) => servers.find((server) => server.id === id)?.restUrl ?? '',
    signal: requests.signal,
    onWait: say,
    timing: { ...SYSTEM_TIMING, sleep: (ms, signal) => SYSTEM_TIMING.sleep(ms / times, signal) },
  });
  const live = await openLive({
    venues: servers.map((server) => {
      const exchange = EXCHANGES.find(({ id }) => id === server.id);
      if (!exchange) throw new Error(`no exchange ${server.id}`);
      return {
        exchange,
        api: api ?? (exchange.apis[0] as string),
        origins: () => ({ websocket: server.wsUrl, rest: server.restUrl }),
        pacing: (market) => ({ ...faster(exchange.live.pacing(market), times), ...pacing }),
        planning,
      };
    }),
    markets: ['linear'],
    universe: {},
    channels: ['trade'],
    intervals: [],
    depth: 15,
    bookInterval: 100_000,
    refreshEvery: 600_000,
    unreachableAfter: 60_000,
    queueLimit: 200_000,
    rest,
    userAgent: 'test',
    taps: [],
    log: { info: say, warn: say, notice: say, incomplete: (reason) => void incomplete.push(reason) },
    signal: stopping.signal,
    endRequests: () => requests.abort(),
    repair: repair && { limits: { ...LIMITS, ...repair }, client: rest, auditEvery },
    polled: polled && { ...polled, client: rest },
    ...others,
  });
  const records: AnyRecord[] = [];
  const ended = (async () => {
    for await (const batch of watch ? watch({ live, rest }).records(live.records) : live.records) {
      await take?.(batch);
      for (const record of batch) records.push(record);
    }
    requests.abort();
    await client.close();
  })();
  ended.catch(() => {});
  return {
    live,
    records,
    log,
    incomplete,
    ended,
    async until(check, what, milliseconds = 45_000) {
      const deadline = Date.now() + milliseconds;
      while (!check()) {
        if (Date.now() > deadline) throw new Error(`${what}: not within ${milliseconds} ms\n${log.join('\n')}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async stop() {
      stopping.abort();
      await ended;
      return records;
    },
  };
}
