import { afterAll, describe, expect, it } from 'vitest';
import { CaptureHealth, type ExchangeSample, type HealthLimits } from '../../../../src/lib/capture/live/health.js';
import { HealthWatch } from '../../../../src/lib/capture/live/health-watch.js';
import type { EventRecord } from '../../../../src/lib/model/records.js';
import { RecordNotices } from '../../../../src/lib/notify/record-notices.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../../../support/exchange-server/index.js';
import { captureFrom, type TestOptions } from '../../../support/live-run.js';

const LIMITS: HealthLimits = { silent: 60_000, behind: 10_000, clock: 1_000, free: 1e9 };
const SECOND = 1_000_000;
const queue = { waiting: 0, limit: 100, peak: 0, dropped: 0 };
const bybit = (more: Partial<ExchangeSample> = {}): ExchangeSample => ({
  ...{ id: 'bybit', connections: { wanted: 2, open: 2 }, lags: [], offset: undefined },
  ...{ subscriptions: { pending: 0, confirmed: 9, refused: 0, stale: 0 }, ...more },
});

/** What is said at each of the seconds, when samples follow from them. */
function played(seconds: readonly number[], sampleAt: (second: number) => Partial<Parameters<CaptureHealth['look']>[0]>) {
  const health = new CaptureHealth(LIMITS);
  return seconds.flatMap((second) =>
    health
      .look({ at: second * 1_000, exchanges: [], queue, ...sampleAt(second) })
      .map(({ severity, kind, message }) => `${second} ${severity} ${kind === 'cleared' ? '' : `${kind}: `}${message}`),
  );
}
const every = (from: number, until: number, step = 5) =>
  Array.from({ length: (until - from) / step + 1 }, (_, index) => from + index * step);

describe('CaptureHealth', () => {
  it('a capture without data for a minute is an alarm, once, until data comes', () => {
    const heard = (second: number) => (second <= 20 || second >= 150 ? second : 20) * SECOND;
    const lags = (second: number) => [{ heard: heard(second), frames: 200 }];
    const said = played(every(0, 200), (second) => ({ exchanges: [bybit({ lags: lags(second) })] }));
    expect(said).toEqual([
      '80 alarm capture_silent: bybit: no data for 1m, although connected',
      '150 routine capture_silent cleared after 2m 10s',
    ]);
  });

  it('a symbol that trades every ten minutes is not silent', () => {
    const at = (second: number, pause: number) => Math.floor(second / pause);
    const lags = (second: number, pause: number) => [{ heard: at(second, pause) * pause * SECOND, frames: at(second, pause) }];
    for (const pause of [30, 600])
      expect(played(every(0, 7_200), (second) => ({ exchanges: [bybit({ lags: lags(second, pause) })] }))).toEqual([]);
  });

  it('each exchange is judged for itself, and a part that is missing is a warning', () => {
    const said = played(every(0, 100), (second) => ({
      exchanges: [
        bybit({ lags: [{ heard: second * SECOND }], connections: { wanted: 2, open: 1 } }),
        bybit({ id: 'bitget', lags: [{ heard: second * SECOND }] }),
        bybit({
          id: 'other',
          connections: { wanted: 1, open: 0 },
          lags: [{ heard: second < 30 ? second * SECOND : 25 * SECOND }],
        }),
      ],
    }));
    expect(said).toEqual([
      '60 warning capture_partial: bybit: 1 of 2 connections open',
      '60 warning capture_partial: other: 0 of 1 connection open',
      '85 alarm capture_silent: other: no data for 1m, no connection is open',
    ]);
  });

  it('a clock is judged by its measurement, or by what arrives before it was sent', () => {
    const offsets = [0, 900, 1_500, 1_200, 900, 700];
    expect(played([0, 5, 10, 15, 20, 25], (second) => ({ exchanges: [bybit({ offset: offsets[second / 5] })] }))).toEqual([
      '10 alarm clock_offset: the clock of this host is 1.5 s behind that of bybit: set it by NTP',
      '25 routine clock_offset cleared after 15s',
    ]);
    const early = bybit({ lags: [{ latest: { from: 1, least: -2_400 } }] });
    expect(played([0, 5], () => ({ exchanges: [early] }))).toEqual([
      '0 alarm clock_offset: the clock of this host is 2.4 s behind that of bybit: set it by NTP',
    ]);
    expect(played([0], () => ({ exchanges: [bybit({ offset: -1_500 })] }))[0]).toContain('1.5 s ahead of that of bybit');
  });

  it('data that arrives late in three windows, and not once, is behind; a clock that differs is not', () => {
    const late = (second: number, least: number) => [{ heard: second * SECOND, latest: { from: second * SECOND, least } }];
    const lags = [50, 14_000, 50, 12_000, 13_000, 14_000, 15_000, 40];
    const said = played(every(0, 35), (second) => ({ exchanges: [bybit({ lags: late(second, lags[second / 5] as number) })] }));
    expect(said).toEqual([
      '25 alarm capture_behind: bybit: data arrives 14 s after it was sent',
      '35 routine capture_behind cleared after 10s',
    ]);
    const skewed = played(every(0, 35), (second) => ({
      exchanges: [bybit({ offset: -14_000, lags: late(second, 14_050) })],
    }));
    expect(skewed.filter((text) => text.includes('behind:'))).toEqual([]);
  });

  it('a queue that stays half full is behind; one that drops is so at once', () => {
    const waiting = (second: number) => (second >= 10 && second <= 30 ? 60 : 5);
    expect(played(every(0, 40), (second) => ({ queue: { ...queue, waiting: waiting(second) } }))).toEqual([
      '20 alarm capture_behind: an output is too slow: 60 records of 100 wait for it',
      '35 routine capture_behind cleared after 25s',
    ]);
    const dropping = played([0, 5], (second) => ({ queue: { ...queue, waiting: 100, dropped: second } }));
    expect(dropping).toEqual([
      '5 alarm capture_behind: an output is too slow: 100 records of 100 wait for it, 5 records dropped or left to be fetched again',
    ]);
  });

  it('a disk that is nearly full is an alarm until there is a quarter more', () => {
    const free = [2e9, 0.9e9, 0.8e9, 1.1e9, 1.3e9];
    expect(played([0, 1, 2, 3, 4], (second) => ({ free: free[second] }))).toEqual([
      '1 alarm disk: 900.0 MB of the disk are free: make room, or the capture ends',
      '4 routine disk cleared after 3s',
    ]);
  });
});

/** A capture from a local exchange whose health is watched, and what it says. */
async function watched(
  server: ExchangeServer,
  { limits = {}, directory, ...options }: TestOptions & { limits?: Partial<HealthLimits>; directory?: string } = {},
) {
  const log: string[] = [];
  const run = await captureFrom([server], {
    ...{ symbols: ['BTCUSDT', 'ETHUSDT'], ...options },
    watch: ({ live, rest }) =>
      new HealthWatch({
        ...{ live, rest, directory, limits: { ...LIMITS, ...limits }, run: 'stream-1', every: 50, clockEvery: 100 },
        log: (severity, text) => log.push(`${severity} ${text}`),
      }),
  });
  const events = () => run.records.filter((record): record is EventRecord => record.type === 'event');
  const kinds = () =>
    events().map(({ kind, data }) => (kind === 'cleared' ? `cleared ${(data as { kind: string }).kind}` : kind));
  const says = (kind: string) => run.until(() => kinds().includes(kind), `${kind}: ${kinds()}`);
  return { run, log, events, kinds, says };
}

describe('the health of a capture from an exchange', () => {
  const opened: ExchangeServer[] = [];
  const serve = async (options: StartOptions = {}) => {
    const server = await startExchangeServer('bybit', {
      symbols: { linear: 2 },
      rate: 400,
      timeScale: 50,
      keepBooks: false,
      ...options,
    });
    opened.push(server);
    return server;
  };
  afterAll(async () => {
    for (const server of opened) await server.close();
  });

  it('an exchange that answers and sends no data: silent, and cleared, once each', async () => {
    const server = await serve();
    const { run, says, kinds, events, log } = await watched(server, { limits: { silent: 400 } });
    await run.until(() => run.records.length > 100, 'data');
    for (const symbol of ['BTCUSDT', 'ETHUSDT']) server.faults.silence('linear', symbol);
    await says('capture_silent');
    for (const symbol of ['BTCUSDT', 'ETHUSDT']) server.faults.unsilence('linear', symbol);
    await says('cleared capture_silent');
    await run.stop();
    expect(kinds().filter((kind) => kind.includes('silent'))).toEqual(['capture_silent', 'cleared capture_silent']);
    expect(events()[0]).toMatchObject({ run: 'stream-1', seq: 0, severity: 'alarm', exchange: 'bybit' });
    expect(events()[0]?.mode).toBeUndefined();
    expect(log[0]).toMatch(/^warn bybit: no data for .*, although connected$/);
    const notices = new RecordNotices();
    expect(events().map((event) => notices.read(event)?.text)[0]).toMatch(/^capture_silent: bybit: no data/);
  });

  it('a clock that differs by more than 1 s, until it is set', async () => {
    const server = await serve({ start: Date.now() - 5_000 });
    const { run, says, kinds, events } = await watched(server);
    await says('clock_offset');
    expect(events()[0]?.message).toMatch(/^the clock of this host is [45]\.\d s ahead of that of bybit/);
    server.advance(5_000);
    await says('cleared clock_offset');
    await run.stop();
    expect(kinds()).toEqual(['clock_offset', 'cleared clock_offset']);
  });

  it('an output that is too slow, and a disk that is nearly full', async () => {
    const server = await serve({ rate: 2_000 });
    let isSlow = true;
    const wait = () => new Promise((resolve) => setTimeout(resolve, isSlow ? 300 : 0));
    const { run, says, kinds } = await watched(server, {
      ...{ queueLimit: 200, take: async () => void (await wait()), directory: '.', limits: { free: 1e18, behind: 200 } },
    });
    await says('disk');
    await says('capture_behind');
    isSlow = false;
    await says('cleared capture_behind');
    await run.stop();
    expect(kinds().filter((kind) => kind.includes('disk'))).toEqual(['disk']);
  });
});
