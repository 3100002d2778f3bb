import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { Gap, Trade } from '../../src/lib/model/records.js';
import { readStore } from '../../src/lib/storage/reading/store-reader.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { finished, start } from '../support/mdtool.js';

const directory = mkdtempSync(join(tmpdir(), 'repair-'));
const servers: ExchangeServer[] = [];

afterAll(async () => {
  for (const server of servers) await server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The exchange's pauses are for servers that ban; this one's time runs 50 times as fast. */
function fast(id: string): Record<string, string> {
  const names = ['CONNECT_PAUSE', 'CONNECT_JITTER', 'SUBSCRIBE_DELAY', 'SUBSCRIBE_DELAY_JITTER', 'MESSAGE_PAUSE'];
  const pauses = names.map((name) => [`MDTOOL_${id.toUpperCase()}_${name}`, '0']);
  return {
    ...Object.fromEntries(pauses),
    [`MDTOOL_${id.toUpperCase()}_HEARTBEAT_EVERY`]: '500ms',
    MDTOOL_REPAIR_SETTLE: '500ms',
  };
}

/** On a machine with much else to do. */
const PATIENT = { timeout: 50_000, interval: 300 } as const;

async function stored<Type extends 'trade' | 'gap'>(store: string, type: Type): Promise<(Type extends 'trade' ? Trade : Gap)[]> {
  const records: unknown[] = [];
  for await (const batch of readStore(store, { types: [type] })) records.push(...batch);
  return records as (Type extends 'trade' ? Trade : Gap)[];
}

describe.each(['bitget', 'bybit'])('a capture of %s that was killed', (id) => {
  it('goes on where its store ends: every trade once, the pause repaired', async () => {
    const server = await startExchangeServer(id, { symbols: { linear: 4 }, rate: 120, timeScale: 50, keepBooks: false });
    servers.push(server);
    const store = join(directory, id);
    const env = { ...fast(id), ...server.environment };
    const args = ['stream', '--exchange', id, '--market', 'linear', '--store', store, '--log-level', 'error'];
    const first = start(args, { env });
    const killed = finished(first);
    while (server.subscriptions < 4) await wait(20);
    await wait(1_500);
    first.kill('SIGKILL');
    await killed;
    await wait(700);
    const second = start(args, { env });
    const ended = finished(second);
    await expect.poll(async () => (await stored(store, 'gap')).length, PATIENT).toBe(4);
    await wait(1_500);
    second.kill('SIGTERM');
    const { code, stderr } = await ended;
    const upTo = Math.max(...(await stored(store, 'trade')).map(({ timestamp }) => timestamp)) - 500_000;
    expect([code, stderr.includes('4 gaps repaired')]).toEqual([0, true]);
    const trades = await stored(store, 'trade');
    for (const symbol of new Set(trades.map((trade) => trade.symbol))) {
      const own = trades.filter((trade) => trade.symbol === symbol);
      const begin = own[0]?.timestamp as number;
      const happened = server.trades('linear', symbol).filter(({ time }) => time * 1_000 > begin && time * 1_000 < upTo);
      const ids = own.map((trade) => trade.id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(happened.length).toBeGreaterThan(20);
      expect(happened.filter((trade) => !ids.includes(trade.id))).toEqual([]);
    }
    for (const gap of await stored(store, 'gap')) expect(gap).toMatchObject({ reason: 'shutdown', missing: false });
    expect(server.violations).toEqual([]);
  }, 120_000);
});

it('tells what a pause left out and nobody gives, without blaming the run', async () => {
  const server = await startExchangeServer('bybit', { symbols: { linear: 1 }, timeScale: 50, keepBooks: false });
  servers.push(server);
  const store = join(directory, 'long');
  const env = { ...fast('bybit'), ...server.environment };
  const args = ['stream', '--exchange', 'bybit', '--market', 'linear', '--store', store, '--log-level', 'error'];
  /** Runs until the store has at least so many records of a type. */
  const run = async (type: 'trade' | 'gap', count: number) => {
    const child = start(args, { env });
    const result = finished(child);
    while (server.subscriptions < 1) await wait(20);
    await wait(300);
    for (let i = 0; i < 10; i++) server.trade('linear', 'BTCUSDT');
    await expect.poll(async () => (await stored(store, type)).length, PATIENT).toBeGreaterThanOrEqual(count);
    child.kill('SIGTERM');
    const finishedRun = await result;
    while (server.subscriptions > 0) await wait(20);
    return finishedRun;
  };
  expect((await run('trade', 10)).code).toBe(0);
  expect(await stored(store, 'gap')).toEqual([]);
  for (let i = 0; i < 1_200; i++) server.trade('linear', 'BTCUSDT');
  const { code, stderr } = await run('gap', 1);
  expect(code).toBe(0);
  expect(stderr).toContain('1 unrepaired gap between runs');
  const [gap] = await stored(store, 'gap');
  expect(gap).toMatchObject({ reason: 'shutdown', missing: true });
  expect(gap?.repaired).toBeGreaterThan(900);
}, 120_000);
