import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TapeRotation, TapeWriter } from '../../src/lib/capture/live/tape-writer.js';
import { openReplay } from '../../src/lib/capture/replay/replay.js';
import type { Channel } from '../../src/lib/exchanges/exchange.js';
import { exchangeOf } from '../../src/lib/exchanges/index.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord } from '../../src/lib/model/records.js';
import { startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom } from '../support/live-run.js';

const CHANNELS: readonly Channel[] = ['trade', 'ticker', 'book', 'book_delta', 'candle'];

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tape-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Bytes of a part of a tape, and record types that a capture must have. */
const PART = 200_000;
const LEAST_TYPES = 8;

/** Captures an eventful second from a local exchange onto a tape, and returns the records. */
async function record(id: string, path: string, rotation: TapeRotation): Promise<readonly AnyRecord[]> {
  const server = await startExchangeServer(id, {
    symbols: { linear: 6 },
    rate: 400,
    timeScale: 50,
    history: { trades: 500, duration: 600_000 },
  });
  const tape = new TapeWriter({ path, exchanges: [exchangeOf(id)], rotation, force: false, onFailure: () => {} });
  const run = await captureFrom([server], { channels: CHANNELS, intervals: ['1m'], taps: [tape], pacing: { rotateAfter: 500 } });
  await run.until(() => run.live.status().isReady, 'all subscribed');
  await sleep(300);
  const [symbol] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map((each) => each.symbol)) as [string];
  server.breakSequence('linear', symbol);
  await sleep(200);
  server.drop();
  for (const connection of server.connections) connection.garbage();
  await run.until(() => run.live.status().isReady && run.live.status().reconnects > 0, 'subscribed again');
  for (const connection of server.connections) connection.duplicate(20);
  // A busy machine takes longer for as much.
  const isEnough = () => tape.bytes > 1.5 * PART && typesOf(run.records) >= LEAST_TYPES;
  await run.until(isEnough, 'a tape of two parts with all types');
  const records = await run.stop();
  await tape.close();
  await server.close();
  expect(server.violations).toEqual([]);
  return records;
}

function typesOf(records: readonly AnyRecord[]): number {
  return new Set(records.map(({ type }) => type)).size;
}

async function replayed(paths: readonly string[]): Promise<AnyRecord[]> {
  const { records } = await openReplay({
    paths,
    exchanges: [],
    markets: ['linear'],
    channels: CHANNELS,
    intervals: ['1m'],
    depth: 15,
    bookInterval: 100_000,
    warn: () => {},
    pacing: { elapsed: () => 0, sleep: async () => {}, signal: new AbortController().signal },
  });
  const all: AnyRecord[] = [];
  for await (const batch of records) all.push(...batch);
  return all;
}

describe.each(['bitget', 'bybit'])('a tape recorded from %s', (id) => {
  it.each<[string, string, TapeRotation, number]>([
    ['whole', 'wire.ndjson', undefined, 1],
    ['compressed and in parts', 'wire.tape.ndjson.gz', { bytes: PART }, 2],
  ])('%s replays to the records that were given live', async (_, name, rotation, least) => {
    const live = await record(id, join(directory, name), rotation);
    const parts = readdirSync(directory).sort();
    expect(parts.length).toBeGreaterThanOrEqual(least);
    const again = await replayed(parts.map((part) => join(directory, part)));
    expect(typesOf(live)).toBeGreaterThanOrEqual(LEAST_TYPES);
    expect(again.map(encodeRecord)).toEqual(live.map(encodeRecord));
  });
});

describe('a tape', () => {
  it('is refused where one is already, and for several exchanges under one name', () => {
    const path = join(directory, 'wire.ndjson');
    const options = { path, rotation: undefined, force: false, onFailure: () => {} };
    expect(() => new TapeWriter({ ...options, exchanges: [exchangeOf('bitget'), exchangeOf('bybit')] })).toThrow(/\{exchange\}/);
    writeFileSync(path, 'mine');
    expect(() => new TapeWriter({ ...options, exchanges: [exchangeOf('bitget')] })).toThrow(/already exists; use --force/);
  });
});
