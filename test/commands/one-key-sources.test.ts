import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createParquetSink } from '../../src/lib/cli/output/database-sink.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, Trade } from '../../src/lib/model/records.js';
import { createFileSink } from '../../src/lib/sinks/file.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { tradeRecord } from '../support/records.js';

const START = 1_717_200_000_000_000;
const SYMBOLS = 12;
const folder = mkdtempSync(join(tmpdir(), 'mdtool-sources-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Few ids, prices and amounts, so that copies and contradictions are frequent; in order of time, with ties. */
const rows = fc.array(
  fc.record({
    second: fc.integer({ min: 0, max: 4 }),
    id: fc.integer({ min: 0, max: 5 }),
    price: fc.integer({ min: 100, max: 101 }),
    amount: fc.constantFrom(1, 2),
    side: fc.constantFrom('buy' as const, 'sell' as const),
  }),
  { minLength: 2, maxLength: 12 },
);

const seed = Date.now() % 1e9;
const trades: Trade[] = fc
  .sample(rows, { numRuns: SYMBOLS, seed })
  .flatMap((sample, index) => [
    ...sample.map(({ second, id, ...fields }) =>
      tradeRecord({ ...fields, symbol: `S${index}USDT`, timestamp: START + second * 1_000_000, id: `${id}` }),
    ),
    tradeRecord({ symbol: `S${index}USDT`, timestamp: START + 90_000_000, id: 'last', price: 100 }),
  ])
  .sort((a, b) => a.timestamp - b.timestamp);

/** The first trade with each id counts. */
function expected() {
  const first = new Map<string, Trade>();
  const counts = { copies: 0, others: 0 };
  for (const trade of trades) {
    const key = `${trade.symbol} ${trade.id}`;
    const known = first.get(key);
    if (known === undefined) first.set(key, trade);
    else if (known.price === trade.price && known.amount === trade.amount && known.side === trade.side) counts.copies += 1;
    else counts.others += 1;
  }
  return { kept: [...first.values()], ...counts };
}

async function saved(name: string, records: readonly AnyRecord[]): Promise<string> {
  const path = join(folder, name);
  if (name.endsWith('.ndjson')) writeFileSync(path, records.map(encodeRecord).join('\n'));
  else {
    const sink = name.endsWith('.csv')
      ? await createFileSink({ path, format: 'csv', force: true, type: 'trade' })
      : await createParquetSink({ path, force: true });
    await sink.write(records);
    await sink.close();
  }
  return path;
}

const half = Math.floor(trades.length / 2);
const SOURCES: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  ndjson: async () => [await saved('trades.ndjson', trades)],
  parquet: async () => [await saved('trades.parquet', trades)],
  'text before Parquet': async () => [await saved('1.csv', trades.slice(0, half)), await saved('2.parquet', trades.slice(half))],
  pipe: async () => ['-'],
};

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  candles: ['--interval', '1m', '--open', 'first-trade'],
  features: ['--rows', 'micro'],
  backtest: ['--strategy', 'grid', '--deposit', '1000', '--tick-size', '0.1', '--lot-size', '0.001', '--coverage', '2%'],
};

async function run(command: string, from: readonly string[]) {
  // Several files are one pattern.
  const [input] = from.length > 1 ? [join(folder, '{1.csv,2.parquet}')] : from;
  const args = [command, ...(input === undefined ? [] : [input]), ...(COMMANDS[command] as string[]), '-o', '-'];
  const all = input === undefined ? [...args, '--store', join(folder, 'store')] : args;
  const { code, stdout, stderr } = await mdtoolHere([...all, '--format', 'ndjson'], {
    input: trades.map(encodeRecord).join('\n'),
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { code, stderr, records: records.map(comparable).sort() };
}

/** Runs differ in their ids and notes: a store has no duplicates to mention. */
function comparable({ run_id, detail, ...record }: Record<string, unknown>): string {
  return JSON.stringify(record);
}

/** Returns what only one of two lists has. */
function differing(records: readonly string[], others: readonly string[] = []): string[] {
  return [...records.filter((record) => !others.includes(record)), ...others.filter((record) => !records.includes(record))];
}

/** Compares candles with the trades that count. */
function checkCandles(records: readonly string[], kept: readonly Trade[]) {
  const candles = records.map((text) => JSON.parse(text)).filter(({ timestamp }) => timestamp === START);
  expect(candles).toHaveLength(SYMBOLS);
  for (const { symbol, trades: count, volume, high, low } of candles) {
    const own = kept.filter((trade) => trade.symbol === symbol && trade.timestamp < START + 60_000_000);
    const prices = own.map(({ price }) => price);
    const sum = own.reduce((total, { amount }) => total + amount, 0);
    const values = { count: own.length, volume: sum, high: Math.max(...prices), low: Math.min(...prices) };
    expect({ count, volume, high, low }, symbol).toEqual(values);
  }
}

describe(`trades with one id (seed ${seed})`, () => {
  const { kept, copies, others } = expected();
  const ofFile = new Map<string, readonly string[]>();

  it.each(Object.keys(COMMANDS))('give the same %s from every source', async (command) => {
    const results = new Map<string, Awaited<ReturnType<typeof run>>>();
    for (const [name, source] of Object.entries(SOURCES)) results.set(name, await run(command, await source()));
    const first = results.get('ndjson')?.records;
    ofFile.set(command, first ?? []);
    expect(first?.length).toBeGreaterThan(SYMBOLS);
    if (command === 'candles') checkCandles(first ?? [], kept);
    for (const [name, { code, stderr, records }] of results) {
      expect(differing(records, first), `${command}: ${name}`).toEqual([]);
      expect([code, stderr.match(/(\d+) input lines? could not be read/)?.[1]], `${name}: ${stderr}`).toEqual([3, `${others}`]);
      expect(stderr, name).toMatch(/trade id "\d" of S\d+USDT is that of another trade \(.+\)/);
      if (command !== 'backtest') expect(stderr, name).toMatch(new RegExp(`\\b${copies} duplicate (record|trade)s? skipped`));
    }
  });

  it('are one trade in a store, in its journal and when it is sealed', async () => {
    const directory = join(folder, 'store');
    const writer = await openStoreWriter(directory, { step: 'test' });
    await writer.write(trades.slice(0, half));
    await writer.write(trades.slice(half));
    checkCandles((await run('candles', [])).records, kept);
    expect(await writer.close()).toMatchObject({ repeated: copies, contradicting: others });
    const second = await openStoreWriter(directory, { step: 'test' });
    await second.write(trades);
    expect(await second.close()).toMatchObject({ repeated: trades.length - others, contradicting: others });
    checkCandles((await run('candles', [])).records, kept);
    for (const command of ['features', 'backtest']) {
      const rows = ofFile.get(command) ?? [];
      const stored = await run(command, []);
      // The rows of a store end where its clock stands.
      const common = command === 'features' ? rows.filter((row) => stored.records.includes(row)) : rows;
      expect(differing(stored.records, common), command).toEqual([]);
      expect(common.length).toBeGreaterThan(SYMBOLS);
    }
  });
});
