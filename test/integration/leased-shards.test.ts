import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInShard } from '../../src/lib/instruments/shard.js';
import { LeasedShards } from '../../src/lib/jobs/leased-shards.js';
import { EXIT } from '../../src/lib/model/errors.js';
import { startExchangeServer } from '../support/exchange-server/index.js';
import { isInstalled } from '../support/installed.js';
import { captureFrom } from '../support/live-run.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { ShardTrial } from '../support/shard-trial.js';

const hasRedis = isInstalled('redis-server', 'tests of leased shards');

describe.skipIf(!hasRedis)('leased shards', () => {
  let trial: ShardTrial;
  beforeAll(async () => {
    trial = await ShardTrial.open();
  }, 30_000);
  afterAll(() => trial.close());

  it('are whole after a frozen Redis, which makes two holders, and trades are stored once', async () => {
    const { verdicts, trades, distinct, code } = await trial.play(1, ['freeze']);
    expect({ verdicts, code }).toEqual({ verdicts: { whole: 6 }, code: 0 });
    expect(trades).toBe(distinct);
    expect(trades).toBeGreaterThan(100);
  }, 240_000);

  it.each([
    [EXIT.done, EXIT.done],
    [EXIT.incomplete, EXIT.incomplete],
    [undefined, EXIT.failure],
    // The writer before it had not ended yet.
    [EXIT.usage, EXIT.done],
  ])('that are given back while a capture ends with %s end with %i', async (code, expected) => {
    let begun = () => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const leased = await LeasedShards.start({
      connection: { url: trial.redis, flag: '--queue', onTrouble: () => {} },
      ...{ queue: `ends-${code}`, description: 'a capture', shards: 1, most: 1, lock: 2_000, notice: () => {} },
      start: () => {
        let end = (_code: number | undefined) => {};
        const ended = new Promise<number | undefined>((resolve) => {
          end = resolve;
        });
        begun();
        return { stop: () => end(code), ended };
      },
    });
    await started;
    expect(await leased.close()).toBe(expected);
  });

  it('are taken over from a killed process within the lock and 5 s', async () => {
    const { verdicts, trades, distinct, takeOvers } = await trial.play(2, ['kill']);
    expect(verdicts).toEqual({ whole: 6 });
    expect(trades).toBe(distinct);
    expect(Math.max(...takeOvers)).toBeLessThan(7_000 + 5_000);
  }, 240_000);
});

it('waits for listings in a leased shard without a symbol, longer than a run without a connection may', async () => {
  const server = await startExchangeServer('bybit', {
    timeScale: 50,
    keepBooks: false,
    strangers: false,
    symbols: { linear: 1 },
  });
  const { listing } = server.market.get('linear', 'BTCUSDT');
  const shard = { index: isInShard({ index: 1, count: 2 }, 'bybit', 'linear', 'BTCUSDT') ? 2 : 1, count: 2, waits: true };
  const name = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'].find((base) => isInShard(shard, 'bybit', 'linear', `${base}USDT`)) ?? '';
  const run = await captureFrom([server], { shard, refreshEvery: 100, unreachableAfter: 300 });
  try {
    expect(run.log).toContain(`no symbol belongs to shard ${shard.index}/2 yet: waiting for new listings`);
    await run.until(() => run.live.status().seconds > 0.6, 'time has passed');
    server.list({ ...listing, symbol: `${name}USDT`, base: name });
    await run.until(() => server.subscribers('linear', `${name}USDT`).length === 1, 'the new listing subscribed');
    expect(server.subscribers('linear', 'BTCUSDT')).toHaveLength(0);
  } finally {
    await run.stop();
    await server.close();
  }
}, 30_000);

describe('--shard auto/N', () => {
  it.each([
    [['--shard', 'auto/2'], 'needs the Redis that holds the leases: --queue'],
    [['--shard', 'auto/2', '--queue', 'redis://h', '--duration', '1m'], '--duration cannot be used with --shard auto/N'],
    [
      ['--shard', 'auto/2', '--queue', 'redis://h', '-o', 'x.csv'],
      '-o x.csv: the processes of --shard auto/N cannot share a file',
    ],
    [['--shard', 'auto/0', '--queue', 'redis://h'], 'expected a shard like 2/5'],
  ])('refuses %j', async (flags, message) => {
    const run = await mdtoolHere(['stream', '--exchange', 'bybit', '--market', 'linear', ...flags]);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});
