import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addCandleText } from '../../../../src/lib/backtest/study/candle-text.js';
import { type LoadedMarket, MarketReader } from '../../../../src/lib/backtest/study/market-reader.js';
import { readInput } from '../../../../src/lib/input/input.js';

let directory: string;
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'candle-text-'));
});
afterAll(() => rm(directory, { recursive: true }));

const START = 1_786_310_820_000_000;
const HEADER =
  'exchange,market,symbol,timestamp,interval,high,open,close,low,volume,turnover,buy_volume,trades,source,closed,complete,local_timestamp';
const ROW = 'bybit,linear,X,1786310820000000,1m,3,2,2,1,5,10,1,4,trades,true,,';

async function written(text: string, name = 'csv'): Promise<string> {
  const path = join(directory, `${files++}.${name}`);
  await writeFile(path, name === 'csv.gz' ? gzipSync(text) : text);
  return path;
}

/** Returns what the reader of records makes of a file, and what it says about lines. */
async function byRecords(path: string): Promise<{ markets: LoadedMarket[]; broken: string[] }> {
  const broken: string[] = [];
  const reader = new MarketReader({ books: true });
  for await (const records of readInput([path], { broken: (reason) => broken.push(reason) })) reader.add(records);
  return { markets: finished(reader), broken };
}

/** Returns what is taken of a file, undefined where it is in doubt. */
async function byText(path: string): Promise<LoadedMarket[] | undefined> {
  const reader = new MarketReader({ books: true });
  const isTaken = await addCandleText(path, reader).catch(() => false);
  return isTaken ? finished(reader) : undefined;
}

function finished(reader: MarketReader): LoadedMarket[] {
  try {
    return reader.finish();
  } catch (error) {
    // Candles that overlap are refused after they were read, in one way as in the other.
    return [{ notes: [(error as Error).message] } as unknown as LoadedMarket];
  }
}

const digits = fc.stringMatching(/^[0-9]{1,20}$/);
const number = fc.oneof(
  fc.tuple(digits, digits).map(([whole, rest]) => `${whole}.${rest}`),
  fc.double({ min: 1e-12, max: 1e12, noNaN: true }).map(String),
  fc.constantFrom('', '0', '1.', '.5', '1e-8', '2E+3', '1e999', '-1', '+1', '1_0', '0x1', '7.0', '1e', 'nan', '١'),
);
const price = fc.integer({ min: 1, max: 10 ** 17 }).map((units) => (units / 1e8).toString());
const prices = fc.oneof(
  { weight: 9, arbitrary: fc.array(price, { minLength: 4, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constant(['', '', '', '']) },
);
const rarely = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 60, arbitrary: usual }, { weight: 1, arbitrary: other });
const row = fc.record({
  prices,
  volume: rarely(price, number),
  turnover: rarely(fc.oneof(fc.constant(''), price), number),
  buys: rarely(fc.constantFrom('', '0', '1e-8'), number),
  trades: rarely(fc.constantFrom('', '7', '7.0'), number),
  flags: rarely(fc.constantFrom('true,', 'true,true', 'true,false', 'false,'), fc.constantFrom('true,x', ',')),
  arrival: rarely(fc.constantFrom('', String(START), String(START + 1)), fc.constant('12')),
  late: rarely(fc.constant(0), fc.constantFrom(1, 60_000_000)),
});

describe('a text of candles', () => {
  it('gives what its records give, to the last digit', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        fc.boolean(),
        async (rows, isTyped, isEnded) => {
          const lines = rows.map(({ prices, volume, turnover, buys, trades, flags, arrival, late }, minute) => {
            const sorted = [...prices].sort((a, b) => Number(b) - Number(a));
            const time = START + minute * 60_000_000 + late;
            const amount = prices[0] === '' ? '0' : volume;
            const cells = ['bybit,linear,X', time, '60s', ...sorted, amount, turnover, buys, trades, 'trades', flags, arrival];
            return cells.join(',') + (isTyped ? ',candle' : '');
          });
          const path = await written([HEADER + (isTyped ? ',type' : ''), ...lines].join('\n') + (isEnded ? '\n' : ''));
          const markets = await byText(path);
          if (markets === undefined) return;
          taken++;
          expect({ markets, broken: [] }).toEqual(await byRecords(path));
        },
      ),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it.each(['csv', 'csv.gz'])('is taken over many chunks, and ends in doubt at a late row: %s', async (name) => {
    const lines = Array.from({ length: 12_000 }, (_, minute) => {
      return ROW.replace(String(START), String(START + minute * 60_000_000)).replace(',5,10,', `,${5 + minute / 7},10,`);
    });
    const path = await written([HEADER, ...lines].join('\n'), name);
    expect(JSON.stringify(await byText(path))).toBe(JSON.stringify((await byRecords(path)).markets));
    for (const [text, other] of [
      ['bybit', 'okx'],
      [',1m,', ',60s,'],
      [',3,2,', ',1,2,'],
      ['true', 'TRUE'],
      [',X,', ',"X",'],
      [',10,', ',1_0,'],
    ] as const) {
      const late = lines.map((line, index) => (index === 11_000 ? line.replace(text, other) : line));
      expect(await byText(await written([HEADER, ...late].join('\n'), name))).toBeUndefined();
    }
    expect(await byText(await written([HEADER, ...lines, ''].join('\r\n'), name))).toBeUndefined();
    expect(await byText(await written([HEADER, ...lines, '', ''].join('\n'), name))).toBeUndefined();
  });

  it.each([
    ['an empty file', ''],
    ['a header alone', `${HEADER}\n`],
    ['another type', 'exchange,market,symbol,timestamp,id,price,amount,side\nbybit,linear,X,1786310820000000,a,1,1,buy\n'],
    ['an unknown column', `${HEADER},own\n${ROW},1\n`],
    ['a column twice', `${HEADER},open\n${ROW},2\n`],
    ['a missing column', `${HEADER.replace(',source', '')}\n${ROW.replace(',trades', '')}\n`],
    ['a cell too few', `${HEADER}\n${ROW.replace(',10', '')}\n`],
    ['a market that there is not', `${HEADER}\n${ROW.replace('linear', 'other')}\n`],
    ['a first row that is broken', `${HEADER}\n${ROW.replace(',3,2', ',1,2')}\n`],
  ])('leaves to other readers %s', async (_, text) => {
    expect(await byText(await written(text))).toBeUndefined();
  });
});
