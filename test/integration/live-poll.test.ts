import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { TapeWriter } from '../../src/lib/capture/live/tape-writer.js';
import { openReplay } from '../../src/lib/capture/replay/replay.js';
import { exchangeOf } from '../../src/lib/exchanges/index.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, Funding, MarkPrice, OpenInterest } from '../../src/lib/model/records.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom, type TestRun } from '../support/live-run.js';

const TYPES = ['mark_price', 'open_interest', 'funding'] as const;
const directory = mkdtempSync(join(tmpdir(), 'poll-'));
const closings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close().catch(() => {});
  rmSync(join(directory, 'tape.ndjson'), { force: true });
});

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { timeScale: 50, keepBooks: false, symbols: { linear: 4 }, ...options });
  closings.push(() => server.close());
  return server;
}

async function capture(server: ExchangeServer, options: Parameters<typeof captureFrom>[1]): Promise<TestRun> {
  const run = await captureFrom([server], options);
  closings.push(() => run.stop());
  return run;
}

type Polled = MarkPrice | OpenInterest | Funding;
const polledOf = (records: readonly AnyRecord[]) =>
  records.filter((record): record is Polled => TYPES.some((type) => type === record.type));
/** What a record says, without when: the interval of funding stands in REST alone on Bitget. */
const contentOf = ({ timestamp: _, localTimestamp: __, ...rest }: Polled) =>
  JSON.stringify({ ...rest, ...(rest.type === 'funding' && { intervalHours: undefined }) });

describe.each(['bitget', 'bybit'])('polling %s', (id) => {
  it('gives the same records as the ticker channel, of the universe alone', async () => {
    // A market on which nothing happens: both sources tell of the same moment.
    const server = await start(id, { clock: 'manual' });
    const told = await capture(server, { channels: ['ticker'] });
    await told.until(() => polledOf(told.records).length >= 12, 'tickers');
    const asked = await capture(server, { channels: [], polled: { types: TYPES, every: 200 } });
    await asked.until(() => polledOf(asked.records).length >= 24, 'two rounds');
    const contents = (records: readonly AnyRecord[]) => [...new Set(polledOf(records).map(contentOf))].sort();
    expect(contents(await asked.stop())).toEqual(contents(await told.stop()));
    expect(asked.live.status()).toMatchObject({ symbols: 4, connections: { wanted: 0 }, polls: { failed: 0 } });
    expect(server.violations).toEqual([]);
  });

  it('asks for all symbols at once, and only for what is wanted', async () => {
    const server = await start(id, { symbols: { linear: 300 } });
    const before = server.requests;
    const run = await capture(server, { channels: [], polled: { types: ['mark_price'], every: 100_000 } });
    await run.until(() => polledOf(run.records).length >= 300, 'a round');
    await run.stop();
    expect(new Set(run.records.map(({ type }) => type).filter((type) => type !== 'clock'))).toEqual(new Set(['mark_price']));
    expect(server.requests - before).toBeLessThanOrEqual(5);
  });

  it('leaves an exchange alone that answers 429 or faults, says so, and goes on', async () => {
    const server = await start(id);
    const path = /tickers|current-fund-rate/;
    const run = await capture(server, { channels: ['trade'], polled: { types: TYPES, every: 100 } });
    await run.until(() => run.live.status().isReady && polledOf(run.records).length >= 12, 'a round');
    server.faults.http({ kind: 'answer', status: 500, body: '' }, { times: 2, path });
    await run.until(() => run.log.some((line) => line.includes('next attempt')), 'a fault');
    const failedAt = run.records.length;
    await run.until(() => polledOf(run.records.slice(failedAt)).length >= 12, 'answers');
    server.faults.http({ kind: 'rate-limit' }, { times: 1, path });
    await run.until(() => run.log.some((line) => line.includes('next request in')), 'a refusal of the rate');
    server.trade('linear', run.records.find((record) => 'symbol' in record && record.type === 'mark_price')?.symbol as string);
    await run.until(() => run.records.some(({ type }) => type === 'trade'), 'trades all the while');
    await run.stop();
    expect(run.live.status().polls.failed).toBe(0);
    expect(run.live.statistics.incomplete).toBe(false);
  });

  it('is recorded on the tape, and a replay gives the same records', async () => {
    const server = await start(id);
    const path = join(directory, 'tape.ndjson');
    const tape = new TapeWriter({ path, exchanges: [exchangeOf(id)], rotation: undefined, force: true, onFailure: () => {} });
    const run = await capture(server, { channels: ['trade'], polled: { types: TYPES, every: 200 }, taps: [tape] });
    await run.until(() => run.live.status().isReady && polledOf(run.records).length >= 24, 'two rounds');
    const records = await run.stop();
    await tape.close();
    const pacing = { speed: undefined, elapsed: () => 0, sleep: async () => {}, signal: new AbortController().signal };
    const selection = { exchanges: [], channels: ['trade' as const], polled: TYPES, symbols: symbolsOf(records) };
    const replay = await openReplay({ paths: [path], ...selection, depth: 15, bookInterval: 1e6, warn: () => {}, pacing });
    const replayed: AnyRecord[] = [];
    for await (const batch of replay.records) replayed.push(...batch);
    expect(polledOf(replayed).map(encodeRecord)).toEqual(polledOf(records).map(encodeRecord));
  });

  it('refuses a market that has nothing to poll, naming what there is', async () => {
    const server = await start(id);
    const polled = { types: ['funding'], every: 1_000 } as const;
    await expect(captureFrom([server], { markets: ['spot'], channels: [], polled })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/--poll funding: not available on B\w+ spot; nothing can be polled there/),
    });
  });
});

function symbolsOf(records: readonly AnyRecord[]): string[] {
  return [...new Set(polledOf(records).map(({ symbol }) => symbol))];
}

describe('liquidations of a whole product line (bitget v3)', () => {
  it('are those of the universe alone', async () => {
    const server = await start('bitget', { symbols: { linear: 6 } });
    const run = await capture(server, { api: 'v3', channels: ['liquidation'], universe: { match: /^(BTC|ETH)USDT$/ } });
    await run.until(() => run.live.status().isReady, 'subscribed');
    const listed = server.market.symbols.filter(({ listing }) => listing.market === 'linear' && listing.status === 'trading');
    for (const { listing } of listed) server.liquidate('linear', listing.symbol);
    server.liquidate('linear', 'ETHUSDT');
    await run.until(() => run.records.filter(({ type }) => type === 'liquidation').length >= 3, 'liquidations');
    const symbols = (await run.stop()).flatMap((record) => (record.type === 'liquidation' ? [record.symbol] : []));
    expect(symbols.sort()).toEqual(['BTCUSDT', 'ETHUSDT', 'ETHUSDT']);
    expect(listed.length).toBeGreaterThan(5);
  });
});
