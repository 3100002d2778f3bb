import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createParquetSink } from '../../src/lib/cli/output/database-sink.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, Candle, Trade } from '../../src/lib/model/records.js';
import { createFileSink } from '../../src/lib/sinks/file.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { tradeRecord } from '../support/records.js';

const START = 1_717_200_000_000_000;
const folder = mkdtempSync(join(tmpdir(), 'mdtool-one-key-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function written(format: string, records: readonly AnyRecord[]): Promise<string> {
  const path = join(folder, `${records[0]?.type}.${format}`);
  if (format === 'ndjson') writeFileSync(path, records.map(encodeRecord).join('\n'));
  else {
    const sink =
      format === 'csv'
        ? await createFileSink({ path, format: 'csv', force: true, type: (records[0] as AnyRecord).type })
        : await createParquetSink({ path, force: true });
    await sink.write(records);
    await sink.close();
  }
  return path;
}

async function candlesOf(source: string, records: readonly AnyRecord[], ...args: readonly string[]) {
  const input = source === '-' ? '-' : await written(source, records);
  const lines = records.map(encodeRecord).join('\n');
  const result = await mdtoolHere(['candles', input, '--interval', '5m', '--format', 'ndjson', ...args], { input: lines });
  return {
    ...result,
    candles: result.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  };
}

describe('two records with one key', () => {
  it.each(['ndjson', 'csv', '-'])(
    'of different trades with one id the first is kept, the others are rejected by line: %s',
    async (source) => {
      const trade = (index: number, fields: Partial<Trade> = {}) =>
        tradeRecord({ timestamp: START + index * 1_000_000, id: '0', price: 100 + index, amount: 1, ...fields });
      const { code, stderr, candles } = await candlesOf(source, [
        trade(0),
        trade(1),
        tradeRecord({ timestamp: START + 2_000_000, id: '1', price: 99, amount: 2 }),
        trade(3, { price: 100, side: 'sell' }),
        trade(0),
      ]);
      expect(code, stderr).toBe(3);
      expect(candles).toMatchObject([{ open: 100, high: 100, low: 99, close: 99, volume: 3, trades: 2 }]);
      expect(stderr.match(/trade id "0" of BTCUSDT is that of another trade \(.+\)/g)).toHaveLength(2);
      expect(stderr).toContain('2 input lines could not be read');
      expect(stderr).toContain('1 duplicate record skipped');
    },
  );

  it.each(['ndjson', 'parquet', '-'])('of copies of a candle the later counts, a closed one first: %s', async (source) => {
    const candle = (minute: number, fields: Partial<Candle> = {}): Candle => ({
      ...{ type: 'candle', exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: START + minute * 60_000_000 },
      ...{ interval: '1m', open: 100, high: 200, low: 50, close: 100, volume: 1, source: 'exchange', closed: true },
      ...fields,
    });
    const records = [
      candle(0),
      candle(1, { volume: 2 }),
      candle(1, { volume: 20, close: 108 }),
      candle(2, { volume: 5 }),
      candle(2, { volume: 7, closed: false }),
    ];
    const { code, stderr, candles } = await candlesOf(source, records, '--source', 'exchange');
    expect(code, stderr).toBe(0);
    expect(candles).toMatchObject([{ volume: 26, close: 100 }]);
    expect(stderr).toContain('1 duplicate record skipped: the later one counts');
  });
});
