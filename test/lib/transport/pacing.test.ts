import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXCHANGES } from '../../../src/lib/exchanges/index.js';
import type { Pacing } from '../../../src/lib/exchanges/live-protocol.js';
import { Backoff } from '../../../src/lib/transport/backoff.js';
import { BoundedQueue } from '../../../src/lib/transport/bounded-queue.js';
import { ConnectGate, type ConnectKind, SlidingWindow } from '../../../src/lib/transport/connect-gate.js';
import { proxyOf } from '../../../src/lib/transport/socket.js';
import { virtualTime } from '../../support/virtual-time.js';

describe('backoff', () => {
  it('doubles from the first pause to the longest, and starts over after a success', () => {
    const backoff = new Backoff({ first: 2_000, longest: 60_000, random: () => 0.999_999 });
    const pauses = Array.from({ length: 8 }, () => Math.round(backoff.next() / 1_000));
    expect(pauses).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
    backoff.reset();
    expect(Math.round(backoff.next())).toBe(2_000);
  });

  it('draws each pause from nearly nothing to its whole length', () => {
    const at = (random: number) => new Backoff({ first: 2_000, longest: 60_000, random: () => random }).next();
    expect([at(0), at(0.5), at(0.9)]).toEqual([200, 1_000, 1_800]);
  });
});

describe('sliding window', () => {
  it('never admits more than its limit within any span, and no less than it may', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 10, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }),
        (most, span, steps) => {
          const window = new SlidingWindow(most, span);
          const admitted: number[] = [];
          let now = 0;
          for (const step of steps) {
            now += step;
            const wait = window.wait(now);
            const recent = admitted.filter((time) => time > now - span);
            expect(wait > 0).toBe(recent.length >= most);
            now += wait;
            window.count(now);
            admitted.push(now);
          }
          for (const time of admitted) {
            expect(admitted.filter((other) => other > time - span && other <= time).length).toBeLessThanOrEqual(most);
          }
        },
      ),
      { seed: 7 },
    );
  });
});

describe('connect gate', () => {
  const never = new AbortController().signal;

  const FREE = { pause: 0, jitter: 0, reconnectPause: 0, reconnectJitter: 0, probePause: 0, perFiveMinutes: 300 };
  type Options = Partial<ConstructorParameters<typeof ConnectGate>[0]>;

  /** Enters `count` connects of a kind at once, each of which takes `took` ms; returns their starts. */
  async function connects(count: number, took: number, options: Options, kind: ConnectKind = 'start') {
    const timing = virtualTime();
    const gate = new ConnectGate({ atOnce: 3, ...FREE, timing, ...options });
    const starts: number[] = [];
    let open = 0;
    let most = 0;
    for (let i = 0; i < count; i++) {
      void gate.enter(kind, never).then(async (release) => {
        starts.push(timing.now());
        open += 1;
        most = Math.max(most, open);
        await timing.sleep(took);
        open -= 1;
        release?.(true);
        release?.(true);
      });
    }
    await timing.run();
    return { starts, most };
  }

  it('limits the connects at the same time, however long they take', async () => {
    const { starts, most } = await connects(7, 100, {});
    expect(starts).toEqual([0, 0, 0, 100, 100, 100, 200]);
    expect(most).toBe(3);
  });

  it('keeps the pause between first connects', async () => {
    expect((await connects(4, 10, { pause: 5_000 })).starts).toEqual([0, 5_000, 10_000, 15_000]);
  });

  it('keeps the pause of reconnects between those', async () => {
    const options = { pause: 5_000, reconnectPause: 250 };
    expect((await connects(4, 10, options, 'reconnect')).starts).toEqual([0, 250, 500, 750]);
  });

  it.each(['start', 'reconnect'] as const)('stays below the connects per five minutes (%s)', async (kind) => {
    const { starts } = await connects(7, 0, { perFiveMinutes: 3 }, kind);
    expect(starts).toEqual([0, 0, 0, 300_000, 300_000, 300_000, 600_000]);
  });

  it('lets reconnects pass first connects, whose pace stays', async () => {
    const timing = virtualTime();
    const gate = new ConnectGate({ atOnce: 3, ...FREE, pause: 5_000, reconnectPause: 250, timing });
    const starts: string[] = [];
    const enter = (kind: ConnectKind) =>
      gate.enter(kind, never).then((release) => {
        starts.push(`${kind} ${timing.now()}`);
        release?.(true);
      });
    for (let i = 0; i < 3; i++) void enter('start');
    void timing.sleep(1_000).then(() => {
      for (let i = 0; i < 2; i++) void enter('reconnect');
    });
    await timing.run();
    expect(starts).toEqual(['start 0', 'reconnect 1000', 'reconnect 1250', 'start 5000', 'start 10000']);
  });

  it.each([
    ['bitget', 240],
    ['bybit', 400],
  ])('%s: brings 41 connections back within 30 s of a cut, and within 30 s of the end of an outage', async (id, limit) => {
    const pacing = EXCHANGES.find((exchange) => exchange.id === id)?.live.pacing('linear') as Pacing;
    for (const outage of [0, 20_000, 600_000]) {
      const timing = virtualTime(() => 0.999);
      const gate = new ConnectGate({
        atOnce: pacing.connectsAtOnce,
        pause: pacing.connectPause,
        jitter: pacing.connectJitter,
        reconnectPause: pacing.reconnectPause,
        reconnectJitter: pacing.reconnectJitter,
        probePause: pacing.reconnectFirst,
        perFiveMinutes: pacing.connectsPerFiveMinutes,
        timing,
      });
      const attempts: number[] = [];
      const back: number[] = [];
      for (let i = 0; i < 41; i++) {
        void (async () => {
          const { signal } = new AbortController();
          for (let isBack = false; !isBack; ) {
            const release = await gate.enter('reconnect', signal);
            attempts.push(timing.now());
            await timing.sleep(200);
            isBack = timing.now() > outage;
            release?.(isBack);
            if (!isBack) await Promise.race([timing.sleep(60_000), gate.recovered(signal)]);
          }
          back.push(timing.now());
        })();
      }
      await timing.run();
      expect(back).toHaveLength(41);
      expect(Math.max(...back) - outage).toBeLessThan(30_000);
      for (const at of attempts)
        expect(attempts.filter((other) => other > at - 300_000 && other <= at).length).toBeLessThanOrEqual(limit);
    }
  });

  it('admits the next one when one is stopped', async () => {
    const timing = virtualTime();
    const gate = new ConnectGate({ atOnce: 1, ...FREE, timing });
    const stop = new AbortController();
    const first = await gate.enter('start', never);
    const stopped = gate.enter('start', stop.signal);
    const next = gate.enter('start', never);
    stop.abort();
    expect(await stopped).toBeUndefined();
    first?.(true);
    expect(await next).toBeTypeOf('function');
  });
});

describe('bounded queue', () => {
  it('refuses what does not fit, forgets nothing it took, and ends with its failure', async () => {
    const queue = new BoundedQueue<number>(3);
    expect([1, 2, 3, 4].map((item) => queue.push(item))).toEqual([true, true, true, false]);
    expect(queue.push(5, true)).toBe(true);
    queue.close(new Error('the end'));
    const taken: number[] = [];
    await expect(
      (async () => {
        for await (const batch of queue.batches()) taken.push(...batch);
      })(),
    ).rejects.toThrow('the end');
    expect(taken).toEqual([1, 2, 3, 5]);
    expect(queue.peak).toBe(4);
  });

  it('counts what its reader works on', async () => {
    const queue = new BoundedQueue<number>(40_000);
    for (let i = 0; i < 40_000; i++) queue.push(i);
    const lengths: number[] = [];
    queue.close();
    for await (const batch of queue.batches()) lengths.push(queue.length - batch.length);
    expect(lengths).toEqual([23_616, 7_232, 0]);
    expect(queue.length).toBe(0);
  });
});

describe('proxy', () => {
  const proxy = { HTTPS_PROXY: 'http://p:1', http_proxy: 'http://q:2', NO_PROXY: 'localhost, .internal,exact.org:9443' };
  it.each([
    ['wss://ws.bitget.com/v2', proxy, 'http://p:1'],
    ['ws://ws.bitget.com', proxy, 'http://q:2'],
    ['ws://localhost:9001', proxy, undefined],
    ['wss://a.internal', proxy, undefined],
    ['wss://internal.org', proxy, 'http://p:1'],
    ['wss://exact.org:9443', proxy, undefined],
    ['wss://exact.org', proxy, 'http://p:1'],
    ['wss://x.org', { ALL_PROXY: 'http://a:3' }, 'http://a:3'],
    ['wss://x.org', { ALL_PROXY: 'http://a:3', NO_PROXY: '*' }, undefined],
    ['wss://x.org', {}, undefined],
  ])('of %s', (url, environment, expected) => expect(proxyOf(new URL(url), environment)).toBe(expected));
});
