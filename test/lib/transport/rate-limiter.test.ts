import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateLimiter } from '../../../src/lib/transport/rate-limiter.js';
import { virtualTime } from '../../support/virtual-time.js';

const HOST = { requests: 1_000, within: 1_000 };

describe('rate limiter', () => {
  it('keeps to the limit as the server counts, whenever each request arrives there', async () => {
    const request = fc.record({ endpoint: fc.constantFrom('a', 'b'), before: fc.nat(90), to: fc.nat(80), from: fc.nat(80) });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(request, { minLength: 1, maxLength: 25 }),
        async (most, requests) => {
          const time = virtualTime();
          const limiter = new RateLimiter({ requests: 6, within: 150 }, time);
          const arrivals: { endpoint: string; at: number }[] = [];
          const ask = async ({ endpoint, to, from }: { endpoint: string; to: number; from: number }) => {
            const leave = await limiter.enter(endpoint, { requests: most, within: 100 });
            await time.sleep(to);
            arrivals.push({ endpoint, at: time.now() });
            await time.sleep(from);
            leave?.();
          };
          const all: Promise<void>[] = [];
          const started = (async () => {
            for (const each of requests) {
              await time.sleep(each.before);
              all.push(ask(each));
            }
          })();
          await time.run();
          await started;
          await Promise.all(all);
          expect(arrivals).toHaveLength(requests.length);
          for (const { at } of arrivals) {
            const within = (span: number) => arrivals.filter((other) => other.at > at - span && other.at <= at);
            for (const endpoint of ['a', 'b'])
              expect(within(100).filter((other) => other.endpoint === endpoint).length).toBeLessThanOrEqual(most);
            expect(within(150).length).toBeLessThanOrEqual(6);
          }
        },
      ),
      { seed: 11, numRuns: 150 },
    );
  });

  it('lets requests start at once and together up to the limit, in the order they came', async () => {
    const time = virtualTime();
    const limiter = new RateLimiter(HOST, time);
    const started: [number, number][] = [];
    const all = [0, 1, 2, 3, 4].map(async (number) => {
      const leave = await limiter.enter('a', { requests: 2, within: 100 });
      started.push([number, time.now()]);
      await time.sleep(10);
      leave?.();
    });
    await time.run();
    await Promise.all(all);
    expect(started).toEqual([
      [0, 0],
      [1, 0],
      [2, 110],
      [3, 110],
      [4, 220],
    ]);
  });

  it('pauses an endpoint and leaves the others alone, or pauses all', async () => {
    const time = virtualTime();
    const limiter = new RateLimiter(HOST, time);
    const at: Record<string, number> = {};
    const ask = async (name: string, endpoint: string) => {
      (await limiter.enter(endpoint, undefined))?.();
      at[name] = time.now();
    };
    limiter.pause(500, 'a');
    const all = [ask('a', 'a'), ask('b', 'b')];
    await time.run();
    limiter.pause(1_000);
    all.push(ask('later', 'b'));
    await time.run();
    await Promise.all(all);
    expect(at).toEqual({ a: 500, b: 0, later: 1_500 });
  });

  it('gives up waiting when it is told to, and passes the turn on', async () => {
    const time = virtualTime();
    const limiter = new RateLimiter(HOST, time);
    const rate = { requests: 1, within: 100 };
    const leave = await limiter.enter('a', rate);
    const abort = new AbortController();
    const aborted = limiter.enter('a', rate, { signal: abort.signal });
    const next = limiter.enter('a', rate);
    abort.abort();
    expect(await aborted).toBeUndefined();
    leave?.();
    await time.run();
    expect(await next).toBeTypeOf('function');
  });

  it('lets one request go first after a quiet time; the others start when it has ended, or is slow', async () => {
    const time = virtualTime();
    const limiter = new RateLimiter(HOST, time, { scout: { quiet: 5_000, patience: 1_000 } });
    const started: [string, number][] = [];
    const ask = async (name: string, duration: number) => {
      const leave = await limiter.enter(name, undefined);
      started.push([name, time.now()]);
      await time.sleep(duration);
      leave?.();
    };
    const all = (async () => {
      await Promise.all([ask('a', 100), ask('b', 100), ask('c', 100)]);
      await time.sleep(6_000);
      await Promise.all([ask('d', 4_000), ask('e', 100)]);
    })();
    await time.run();
    await all;
    const at = new Map(started);
    expect([at.get('a'), at.get('b'), at.get('c')]).toEqual([0, 100, 100]);
    expect((at.get('e') as number) - (at.get('d') as number)).toBe(1_000);
  });

  it('sends no second request into a ban that the first one shows, and fails where the pause is too long', async () => {
    const time = virtualTime();
    const limiter = new RateLimiter(HOST, time, { scout: { quiet: 5_000, patience: 1_000 } });
    const started: [string, number][] = [];
    const ask = async (name: string, longest?: number) => {
      const leave = await limiter.enter(name, undefined, longest === undefined ? {} : { longest });
      if (!leave) return void started.push([`${name} failed`, time.now()]);
      started.push([name, time.now()]);
      await time.sleep(10);
      if (name === 'a') limiter.pause(600_000);
      leave();
    };
    const all = Promise.all([ask('a'), ask('b'), ask('c', 30_000)]);
    await time.run();
    await all;
    expect(started).toEqual([
      ['a', 0],
      ['c failed', 10],
      ['b', 600_010],
    ]);
  });
});
