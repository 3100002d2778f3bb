import { createClient } from '@redis/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireTap } from '../../src/lib/capture/live/wire.js';
import { openRedisOutput, type RedisOutput } from '../../src/lib/cli/output/redis-output.js';
import type { RedisFlags } from '../../src/lib/cli/output/redis-target.js';
import type { Channel } from '../../src/lib/exchanges/exchange.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord } from '../../src/lib/model/records.js';
import { redisUrl } from '../../src/lib/redis/url.js';
import { textOf } from '../../src/lib/tape/tape.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { isInstalled } from '../support/installed.js';
import { captureFrom, type TestRun } from '../support/live-run.js';
import { RedisServer } from '../support/redis-server.js';

const hasRedis = isInstalled('redis-server', 'tests against a real Redis');

const FLAGS: RedisFlags = {
  'redis-prefix': 'stream:',
  'redis-payload': 'frame',
  'redis-mode': 'pubsub',
  'redis-maxlen': 100_000,
};

describe.skipIf(!hasRedis)('redis', () => {
  let redis: RedisServer;
  let server: ExchangeServer;
  const notices: string[] = [];
  const incomplete: string[] = [];
  const closings: (() => Promise<unknown>)[] = [];

  async function client(password?: string) {
    const connected = createClient({ url: redis.url, ...(password && { password }) });
    connected.on('error', () => {});
    await connected.connect();
    closings.push(async () => connected.destroy());
    return connected;
  }

  const open = (flags: Partial<RedisFlags> = {}, output = redis.url) =>
    openRedisOutput({
      flags: { ...FLAGS, ...flags, output: [output] },
      markets: ['linear'],
      notice: (message) => void notices.push(message),
      incomplete: (reason) => void incomplete.push(reason),
    });

  /** Captures with Redis among the outputs; `frames` are the data frames as they came. */
  async function capture(output: RedisOutput, channels: readonly Channel[] = ['trade', 'ticker', 'book']) {
    const frames: string[] = [];
    const listener: WireTap = { event: () => {}, data: (_, __, content) => void frames.push(textOf(content)) };
    const taps = output.tap ? [output.tap, listener] : [listener];
    const records: AnyRecord[] = [];
    const run = await captureFrom([server], { channels, taps });
    const ended = (async () => {
      for await (const batch of output.tee(asBatches(run))) records.push(...batch);
    })();
    await run.until(() => run.live.status().isReady, 'subscribed');
    const stop = async () => {
      await run.stop();
      await ended;
    };
    return { run, frames, records, stop };
  }

  /** Gives a test run's records as they come. */
  async function* asBatches(run: TestRun): AsyncGenerator<readonly AnyRecord[]> {
    let given = 0;
    let hasEnded = false;
    run.ended.finally(() => {
      hasEnded = true;
    });
    while (!hasEnded || given < run.records.length) {
      const batch = run.records.slice(given);
      given += batch.length;
      if (batch.length > 0) yield batch;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  beforeEach(async () => {
    notices.length = 0;
    incomplete.length = 0;
    redis = await RedisServer.start();
    server = await startExchangeServer('bybit', { symbols: { linear: 3 }, rate: 300, timeScale: 50, keepBooks: false });
  });

  afterEach(async () => {
    for (const close of closings.splice(0)) await close();
    await server.close();
    await redis.close();
  });

  it('publishes frames byte for byte on the channels of the older consumers', async () => {
    const consumer = await client();
    const received: string[] = [];
    for (const name of ['trades', 'orderbook', 'ticker', 'liquidations'])
      await consumer.subscribe(`stream:bybit_${name}`, (text, channel) => void received.push(`${channel} ${text}`));
    const { run, frames, stop } = await capture(await open());
    await run.until(() => received.length > 100, 'messages');
    await stop();
    await run.until(() => received.length === frames.length, 'every frame');
    const kinds = { publicTrade: 'trades', orderbook: 'orderbook', tickers: 'ticker', allLiquidation: 'liquidations' };
    const expected = frames.map((text) => {
      const kind = (JSON.parse(text) as { topic: string }).topic.split('.')[0] as keyof typeof kinds;
      return `stream:bybit_${kinds[kind]} ${text}`;
    });
    expect([...received].sort()).toEqual([...expected].sort());
    expect(incomplete).toEqual([]);
  });

  it('publishes records, and keeps them in streams for those who come later', async () => {
    const output = await open({ 'redis-payload': 'record', 'redis-mode': 'stream' });
    const { run, records, stop } = await capture(output, ['trade']);
    await run.until(() => records.filter(({ type }) => type === 'trade').length > 50, 'trades');
    await stop();
    expect(output.report()).toMatchObject({ output: redis.url, records: records.length });
    const entries = await (await client()).xRange('stream:bybit_trades', '-', '+');
    const trades = records.filter(({ type }) => type === 'trade').map(encodeRecord);
    expect(entries?.map(({ message }) => message.data)).toEqual(trades);
  });

  it('waits for a Redis that restarts in the middle, and loses nothing of a stream that comes after', async () => {
    const { run, records, stop } = await capture(await open({ 'redis-payload': 'record', 'redis-mode': 'stream' }), ['trade']);
    const trades = () => records.filter(({ type }) => type === 'trade').map(encodeRecord);
    await run.until(() => trades().length > 50, 'trades');
    await redis.kill();
    const known = trades().length;
    await run.until(() => trades().length > known + 100, 'trades while Redis is gone');
    await redis.restart();
    await run.until(() => notices.includes('reconnected to Redis'), 'reconnected');
    await stop();
    const entries = await (await client()).xRange('stream:bybit_trades', '-', '+');
    const kept = new Set(entries?.map(({ message }) => message.data));
    // The killed server kept nothing: everything from after its end must be there.
    expect(
      trades()
        .slice(known)
        .filter((line) => !kept.has(line)),
    ).toEqual([]);
    expect(incomplete).toEqual([]);
  });

  it('takes a password from the URL or the environment, and says so when it is refused', async () => {
    await redis.kill();
    await redis.restart('--requirepass', 'se cret');
    await expect(open()).rejects.toThrow(/cannot connect to Redis .*NOAUTH|Authentication/i);
    const output = await open({}, `redis://:${encodeURIComponent('se cret')}@127.0.0.1:${redis.port}`);
    expect(output.report()?.output).toBe(`redis://***@127.0.0.1:${redis.port}`);
    await output.close();
  });

  it('refuses what cannot be reached with one line, without credentials', async () => {
    await redis.kill();
    await expect(open({}, `redis://me:secret@127.0.0.1:${redis.port}`)).rejects.toThrow(
      /^-o redis:\/\/127\.0\.0\.1:\d+.*: cannot connect to Redis/,
    );
    expect(notices).toEqual([]);
  });

  it('refuses two markets on one prefix, whose frames look alike', async () => {
    const flags = { ...FLAGS, output: [redis.url] };
    const options = { flags, markets: ['spot', 'linear'] as const, notice: () => {}, incomplete: () => {} };
    await expect(openRedisOutput(options)).rejects.toThrow(/frames of spot and linear cannot be distinguished/);
    const apart = await openRedisOutput({ ...options, flags: { ...flags, 'redis-prefix': 'md:{market}:' } });
    await apart.close();
  });
});

describe('redis URL', () => {
  it.each([
    ['redis://', {}, 'redis://localhost'],
    ['redis://', { REDIS_HOST: 'cache', REDIS_PORT: '7000', REDIS_PASSWORD: 'p@ss' }, 'redis://:p%40ss@cache:7000'],
    ['redis://h:1/2', { REDIS_HOST: 'cache', REDIS_PORT: '7000' }, 'redis://h:1/2'],
    ['rediss://u:p@h', { REDIS_PASSWORD: 'other' }, 'rediss://u:p@h'],
    ['redis://h:1/', {}, 'redis://h:1/'],
  ])('%s with %j is %s', (output, environment, url) => expect(redisUrl(output, environment)).toBe(url));

  // A password with a slash that is not encoded ends the host; as a database it would be an internal error of the client.
  it.each(['redis://:p@ss/word@h:1', 'redis://h/abc', 'redis://h:99999', 'redis://u:secret@h:7x'])('refuses %s', (output) =>
    expect(() => redisUrl(output, {})).toThrow(/^-o redis:\/\/…: expected redis:\/\/host:port/),
  );
});
