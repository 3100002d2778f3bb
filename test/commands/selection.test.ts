import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, Market } from '../../src/lib/model/records.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { gapRecord, tradeRecord } from '../support/records.js';

const SECOND = 1_000_000;
const START = 1_786_310_800_000_000;
const [SINCE, UNTIL] = [30, 90];
/** Begin and end, in seconds, of the gaps of BTCUSDT on linear. */
const GAPS = [
  [10, 12],
  [28, 32],
  [50, 52],
  [88, 93],
  [100, 102],
] as const;
const SELECTED_GAPS = [32, 52, 93];

function gap(from: number, until: number, of: { symbol?: string; market?: Market } = {}): AnyRecord {
  const [fromTimestamp, untilTimestamp] = [START + from * SECOND, START + until * SECOND];
  return { ...gapRecord, ...of, fromTimestamp, untilTimestamp, timestamp: untilTimestamp, localTimestamp: untilTimestamp };
}

/** Two minutes of trades of two symbols and two markets, with clocks, and gaps of each. */
function market(): AnyRecord[] {
  const records: AnyRecord[] = [gap(60, 62, { symbol: 'ETHUSDT' }), gap(60, 62, { market: 'spot' })];
  records.push(...GAPS.map(([from, until]) => gap(from, until)));
  for (let second = 0; second <= 120; second++) {
    const at = { timestamp: START + second * SECOND, localTimestamp: START + second * SECOND + 1 };
    const isMissing = GAPS.some(([from, until]) => second > from && second < until);
    if (!isMissing) records.push(tradeRecord({ ...at, id: `a${second}` }));
    records.push(tradeRecord({ ...at, id: `b${second}`, symbol: 'ETHUSDT' }));
    records.push(tradeRecord({ ...at, id: `c${second}`, market: 'spot' }));
    for (const name of ['linear', 'spot'] as const) records.push({ type: 'clock', exchange: 'bybit', market: name, ...at });
  }
  return records.sort((a, b) => a.timestamp - b.timestamp);
}

const folder = mkdtempSync(join(tmpdir(), 'mdtool-selection-'));
afterAll(() => rmSync(folder, { recursive: true }));
const lines = market().map(encodeRecord).join('\n');

beforeAll(async () => {
  writeFileSync(join(folder, 'market.ndjson'), lines);
  const writer = await openStoreWriter(join(folder, 'store'), { step: 'test' });
  await writer.write(market().filter(({ type }) => type !== 'clock'));
  await writer.close();
});

const secondsOf = (records: readonly AnyRecord[], ...types: string[]) =>
  records.filter(({ type }) => types.includes(type)).map(({ timestamp }) => (timestamp - START) / SECOND);

describe.each([
  { step: ['candles', '--interval', '1s'], rows: 'candle', inputs: ['market.ndjson', '-', 'store'] },
  { step: ['features'], rows: 'micro', inputs: ['market.ndjson', '-', 'store'] },
  { step: ['signals'], rows: 'signal', inputs: ['market.ndjson', '-'] },
])('$step.0 with --since, --until, --market and --symbols', ({ step, rows, inputs }) => {
  const selection = ['--market', 'linear', '--symbols', 'BTCUSDT'];
  const time = ['--since', `${START + SINCE * SECOND}`, '--until', `${START + UNTIL * SECOND}`];

  it.each(inputs)('gives the gaps, clocks and rows of the selection: %s', async (input) => {
    // Signals are made of rows alone: over a store nothing else is read.
    const source = input === 'store' ? ['--store', 'store'] : [input];
    const args = [...step, ...source, ...selection, ...time, '-o', '-', '--format', 'ndjson', '--quiet'];
    const { stdout, stderr, code } = await mdtoolHere(args, { cwd: folder, input: lines });
    expect(code, stderr).toBe(0);
    const records = stdout.split('\n').filter(Boolean).map(decodeRecord);
    expect(new Set(records.map((record) => `${record.market} ${'symbol' in record ? record.symbol : ''}`.trim()))).toEqual(
      new Set(input === 'store' ? ['linear BTCUSDT'] : ['linear BTCUSDT', 'linear']),
    );
    expect(secondsOf(records, 'gap')).toEqual(SELECTED_GAPS);
    const clocks = input === 'store' ? [] : Array.from({ length: UNTIL - SINCE }, (_, index) => SINCE + index);
    expect(secondsOf(records, 'clock')).toEqual(clocks);
    const seconds = secondsOf(records, rows);
    if (rows !== 'signal')
      expect([Math.min(...seconds) >= SINCE, Math.max(...seconds) < UNTIL, seconds.length > 50]).toEqual([true, true, true]);
    const candles = records.filter((record) => record.type === 'candle');
    expect(candles.filter(({ closed }) => !closed)).toEqual([]);
  });
});

describe('a part of the rows', () => {
  it.each([
    [['--limit', '2'], 'the first 2 printed'],
    [['--tail', '3'], 'the last 3 printed'],
    [['--limit', '2', '-o', 'part.csv'], 'the first 2 in part.csv'],
  ])('%j: the summary counts all, and says what was printed', async (flags, text) => {
    const args = ['candles', 'market.ndjson', '--interval', '1s', '--format', 'csv', ...flags];
    const { stderr } = await mdtoolHere(args, { cwd: folder });
    expect(stderr).toMatch(/^candles: 3\d\d candles.* in /);
    expect(stderr).toContain(text);
  });

  it('counts no record that has none of the columns', async () => {
    const args = ['features', 'market.ndjson', '--rows', 'micro', '--columns', 'close', '--limit', '1', '--format', 'ndjson'];
    const { stdout, stderr } = await mdtoolHere(args, { cwd: folder });
    expect(stdout).toMatch(/^\{"close":[\d.]+\}\n$/);
    expect(stderr).toContain('the first 1 printed');
  });

  it('is not named when it is all', async () => {
    const { stderr } = await mdtoolHere(['candles', 'market.ndjson', '--interval', '1h', '--limit', '500'], { cwd: folder });
    expect(stderr).not.toMatch(/printed/);
  });
});
