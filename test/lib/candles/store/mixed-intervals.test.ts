import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { candleStep } from '../../../../src/lib/candles/store/candle-run.js';
import { streamCandles } from '../../../../src/lib/candles/store/candle-step.js';
import { parseInterval, parseIntervals } from '../../../../src/lib/model/interval.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import type { AnyRecord, Candle } from '../../../../src/lib/model/records.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { seeded } from '../../../support/random.js';
import { temporaryDirectory } from '../../storage/support.js';

const MINUTE = 60_000_000;
const START = 1_717_200_000_000_000;

/** A candle with a volume of 1 per minute. */
function candle(interval: string, minute: number, fields: Partial<Candle> = {}): Candle {
  return {
    ...{ type: 'candle', exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: START + minute * MINUTE, interval },
    ...{
      open: 100,
      high: 101,
      low: 99,
      close: 100,
      volume: parseInterval(interval).size / MINUTE,
      source: 'exchange',
      closed: true,
    },
    ...fields,
  };
}

const run = (interval: string, from: number, until: number) => {
  const step = parseInterval(interval).size / MINUTE;
  return Array.from({ length: (until - from) / step }, (_, index) => candle(interval, from + index * step));
};

const OPTIONS = {
  ...{ open: 'first-trade' as const, empty: 'skip' as const, grace: 1_000_000, source: 'exchange' as const },
  amountUnit: () => 'base' as const,
};

/** Builds the candles of an interval from file, pipe and store, and expects them to be the same. */
async function built(parts: readonly Candle[], interval: string) {
  const directory = await temporaryDirectory();
  const [file, store] = [join(directory, 'parts.ndjson'), join(directory, 'store')];
  const end = (part: Candle) => part.timestamp + parseInterval(part.interval).size;
  const inOrder = [...parts].sort((a, b) => end(a) - end(b));
  writeFileSync(file, inOrder.map(encodeRecord).join('\n'));
  const writer = await openStoreWriter(store, { step: 'test' });
  await writer.write(inOrder);
  await writer.close();
  const candles = { ...OPTIONS, intervals: parseIntervals([interval]) };
  const request = { directory: store, selection: {}, candles, stopped: new AbortController().signal, warn() {} };
  const all = async (records: AsyncIterable<readonly AnyRecord[]>) => {
    const found: AnyRecord[] = [];
    for await (const batch of records) found.push(...batch);
    return found
      .map((record) => record as Candle)
      .map(({ timestamp, volume, complete, closed }) => {
        return { minute: (timestamp - START) / MINUTE, volume, complete, closed };
      });
  };
  async function* pipe() {
    yield inOrder;
  }
  const fromFile = await all(candleStep.overInput({ ...request, input: [file] }).records);
  expect(await all(streamCandles(pipe(), {}, candles).records)).toEqual(fromFile);
  expect(await all((await candleStep.besideStore({ ...request, input: [] })).records)).toEqual(fromFile);
  return fromFile;
}

describe('candles of several intervals', () => {
  it('count each stretch once: the shortest parts that cover it', async () => {
    const parts = [...run('1h', 0, 720), ...run('15m', 0, 2_880)];
    expect(await built(parts, '1d')).toEqual([
      { minute: 0, volume: 1_440, complete: true, closed: true },
      { minute: 1_440, volume: 1_440, complete: true, closed: true },
    ]);
  });

  it('use a longer part where shorter ones leave something out', async () => {
    const parts = [...run('1h', 0, 360), ...run('15m', 0, 60), ...run('15m', 75, 360)];
    expect(await built(parts, '6h')).toEqual([{ minute: 0, volume: 360, complete: true, closed: true }]);
  });

  it('use a longer part where a shorter one is incomplete or open', async () => {
    const parts = [...run('1h', 0, 360), ...run('15m', 0, 345), candle('15m', 345, { complete: false, volume: 2 })];
    expect(await built(parts, '6h')).toEqual([{ minute: 0, volume: 360, complete: true, closed: true }]);
  });

  it('are not complete where no part covers a stretch', async () => {
    const parts = [...run('1h', 0, 180), ...run('15m', 240, 360), ...run('1h', 360, 420)];
    expect(await built(parts, '6h')).toEqual([
      { minute: 0, volume: 300, complete: false, closed: true },
      { minute: 360, volume: 60, complete: true, closed: false },
    ]);
  });

  it('never count a stretch twice, alike from file, pipe and store', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = seeded(seed);
      const parts = ['15m', '30m', '1h', '2h', '3h'].flatMap((interval) =>
        run(interval, 0, 1_440)
          .filter(() => random() < 0.7)
          .map((part) => (random() < 0.1 ? { ...part, complete: false } : part)),
      );
      for (const { volume, complete } of await built(parts, '6h')) {
        expect(volume).toBeLessThanOrEqual(360);
        if (complete) expect(volume).toBe(360);
      }
    }
  });
});
