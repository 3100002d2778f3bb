import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { stageCleanRows } from '../../../src/lib/import/clean-rows.js';
import type { ImportOptions } from '../../../src/lib/import/options.js';
import { RowReader } from '../../../src/lib/import/row-reader.js';
import { openSource } from '../../../src/lib/import/source-file.js';
import { Staging } from '../../../src/lib/import/staging.js';
import { RecordError } from '../../../src/lib/model/ndjson.js';
import { withDatabase } from '../../../src/lib/storage/database/duckdb.js';
import { zipOf, zstdOf } from '../../support/archives.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-clean-'));
const stagings: Staging[] = [];
afterEach(async () => {
  for (const staging of stagings.splice(0)) {
    await staging.close();
    await staging.dispose();
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const GIVEN = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;

async function opened(name: string, content: string | Buffer | undefined, options: Partial<ImportOptions>) {
  const path = join(folder, name);
  if (content !== undefined) writeFileSync(path.replace(/(\.zip)!.*$/, '$1'), content);
  const source = await openSource(path, { noHeader: false, decimal: '.', ...options } as ImportOptions);
  if (!source.table) throw new Error(`${name} is no foreign file`);
  const staging = await Staging.open();
  stagings.push(staging);
  staging.beginFile(path, source.table.unit, true);
  return { source, staging, reader: new RowReader(source.mapping, source.writtenAt) };
}

/** The rows by SQL, undefined where the file has to be read row by row. */
async function bySql(...args: Parameters<typeof opened>) {
  const { source, staging, reader } = await opened(...args);
  return (await stageCleanRows(source, staging, reader)) ? await contentOf(staging) : undefined;
}

async function byRecords(...args: Parameters<typeof opened>) {
  const { source, staging, reader } = await opened(...args);
  let refused = 0;
  for await (const { rows, rejected } of source.table.rows()) {
    refused += rejected.length;
    for (const row of rows) {
      try {
        await staging.add(reader.read(row), [row.line]);
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        refused += 1;
      }
    }
  }
  await staging.flush();
  return { ...(await contentOf(staging)), refused };
}

async function contentOf(staging: Staging) {
  const type = staging.count('candle') > 0 ? 'candle' : 'trade';
  const result = await staging.database.read(`SELECT * FROM ${staging.relation(type)} ORDER BY place0`);
  return {
    rows: result.getRowsJson(),
    last: staging.placeOf(type, staging.count(type) - 1).replace(folder, ''),
  };
}

/** Pseudo-random rows: sides, digits and repeated times of every kind. */
function rowsOf(count: number, line: (i: number, random: (n: number) => number) => string): string {
  let state = 7;
  const random = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % n;
  };
  return Array.from({ length: count }, (_, index) => `${line(index, random)}\n`).join('');
}

const price = (random: (n: number) => number) => `${random(99_999) + 1}.${random(10 ** (random(9) + 1))}`;
const uuid = (i: number) => `5dc8cd0a-6d0b-4a3e-9d5e-${String(i).padStart(12, '0')}`;

const CLEAN: [name: string, content: string | Buffer, options: Partial<ImportOptions>][] = [
  [
    'BTCUSDT2024-06-01.csv',
    `timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n${rowsOf(
      700,
      (i, r) =>
        `${1_717_200_000 + (i >> 2)}.${r(10_000_000)},BTCUSDT,${r(2) ? 'Buy' : 'Sell'},${r(900) + 1}e-3,${price(r)},ZeroPlusTick,${uuid(i)},1,1,1`,
    )}`,
    {},
  ],
  [
    'newest-first.csv.gz',
    gzipSync(
      `time;id;price;qty;is_buyer_maker\n${rowsOf(500, (i, r) => `${1_717_200_000_999 - (i >> 1)}.${r(9999)};${900_000 - i};${price(r)};0.0${r(99) + 1};${r(2) ? 'true' : 'false'}`)}`,
    ),
    { market: 'linear', symbol: 'BTCUSDT' },
  ],
  [
    'no-id.csv',
    `ts,price,amount,side\n${rowsOf(300, (i, r) => `${(1_717_200_000_000_000 + (i >> 1)) * 1}999,${price(r)},1,BUY`)}`,
    { ...GIVEN, as: 'trade' },
  ],
  [
    'sequence.csv',
    `timestamp,price,amount,side,id,sequence,symbol\n${rowsOf(300, (i, r) => `${1_717_200_000_000_000 + i},${r(9) + 1},${r(9) + 1},sell,x${10_000 + i},${r(3) === 0 ? '' : 2 ** 53 + i},${r(2) ? 'BTCUSDT' : 'ETH/USDT:USDT'}`)}`,
    { exchange: 'bybit', market: 'linear' },
  ],
  [
    'quoted.csv',
    `"timestamp","price","amount","side","id"\r\n${rowsOf(400, (i, r) => `${1_717_200_000_000 + i},"${price(r)}",2,"${r(2) ? 'buy' : 'sell'}","${uuid(i)}"`).replaceAll('\n', '\r\n')}`,
    GIVEN,
  ],
  ['sideless.csv', `timestamp,price,amount\n${rowsOf(300, (i, r) => `${1_717_200_000 + (i >> 3)},${price(r)},2`)}`, GIVEN],
  [
    'packed.csv.zst',
    zstdOf(`timestamp,price,amount,side\n${rowsOf(300, (i, r) => `${1_717_200_000 + (i >> 3)},${price(r)},2,buy`)}`),
    { ...GIVEN, as: 'trade' },
  ],
  [
    'loose.csv.gz',
    gzipSync(
      `timestamp,price,amount,side,id,symbol,note\n${rowsOf(300, (i, r) => `${1_717_200_000 + (i >> 3)}.${r(99)},${price(r)},2,buy,${uuid(i)},BTC_USDT,a note`)}`,
    ),
    { exchange: 'gate', market: 'spot' },
  ],
  [
    'packed.zip!day/BTCUSDT-trades-2024-06-01.csv',
    zipOf({
      'day/BTCUSDT-trades-2024-06-01.csv': rowsOf(
        300,
        (i, r) => `${i + 1},${price(r)},2,3,${1_717_200_000_000 + i},${r(2) ? 'true' : 'false'}`,
      ),
    }),
    { market: 'linear' },
  ],
];

/** Candles of a minute; the last one is still open when the file is written. */
const candles = (i: number, r: (n: number) => number, from = 1_717_200_000_000) => {
  const open = r(9_000) + 100;
  return `${from + i * 60_000},${open}.5,${open + 3},${open - 1}.25,${open + 1},${r(99)}.${r(999)}`;
};
const CANDLES: [name: string, content: string | Buffer, options: Partial<ImportOptions>][] = [
  [
    'BTCUSDT-1m-2024-06-01.csv',
    `open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n${rowsOf(
      400,
      (i, r) => `${candles(i, r)},1717200059999,1e3,${r(50) + 1},0,1,0`,
    )}`,
    { market: 'linear' },
  ],
  [
    'open.csv',
    `time;open;high;low;close;volume\n${rowsOf(300, (i, r) => candles(i, r, Math.floor(Date.now() / 60_000 - 298) * 60_000).replaceAll(',', ';'))}`,
    { ...GIVEN, interval: '1m' },
  ],
];

describe('stageCleanRows', () => {
  it.each([...CLEAN, ...CANDLES])('stages the rows of %s as record by record', async (...args) => {
    const [expected, found] = [await byRecords(...args), await bySql(...args)];
    expect(expected.refused).toBe(0);
    expect(found).toEqual({ rows: expected.rows, last: expected.last });
    expect(found?.rows.length).toBeGreaterThan(200);
  });

  it.each([
    ['DOUBLE', 'epoch_ms(ts)::DOUBLE / 1000', '(i + 1) * 0.1', 'i + 1'],
    ['BIGINT', 'epoch_ms(ts)', '((i + 1) * 0.1)::FLOAT', '(i + 1)::DECIMAL(12, 3)'],
    ['TIMESTAMPTZ', 'ts', 'i + 1', '((i + 1) * 0.001)::VARCHAR'],
    ['ns', 'epoch_ns(ts)', 'i + 1', 'i + 1'],
  ])('reads Parquet with times as %s', async (name, time, cost, amount) => {
    const path = join(folder, `${name}.parquet`);
    await withDatabase({}, (database) =>
      database.run(
        `COPY (SELECT ${time} AS timestamp, ${cost} AS price, ${amount} AS amount, CASE WHEN i % 3 = 0 THEN 'Buy' ELSE 'Sell' END AS side, i + 1000 AS id
         FROM (SELECT i, to_timestamp(1717200000) + to_milliseconds(i * 7) AS ts FROM range(400) t(i))) TO '${path}' (FORMAT parquet)`,
      ),
    );
    const args = [`${name}.parquet`, undefined, GIVEN] as const;
    const [expected, found] = [await byRecords(...args), await bySql(...args)];
    expect(expected.refused).toBe(0);
    expect(found).toEqual({ rows: expected.rows, last: expected.last });
  });

  const HEAD = 'timestamp,price,amount,side,id\n';
  // The rows on which the layout is decided are the first thousand.
  const GOOD = rowsOf(1_010, (i) => `${1_717_200_000_000 + i},1.5,2,buy,${10_000 + i}`);
  it.each<[what: string, content: string | Buffer]>([
    ['an underscore in a number', `${HEAD}${GOOD}1717200000100,1_000,2,buy,7\n`],
    ['an underscore in a time', `${HEAD}${GOOD}1717_200_000_100,1,2,buy,7\n`],
    ['a blank in a time', `${HEAD}${GOOD}1717200000100 ,1,2,buy,7\n`],
    ['an underscore in an id', `${HEAD}${GOOD}1717200000100,1,2,buy,7_7\n`],
    ['quotes and blanks', `${HEAD}${GOOD}1717200000100, "1",2,buy,7\n`],
    ['a blank before a number', `${HEAD}${GOOD}1717200000100, 1,2,buy,7\n`],
    ['a quote in a cell', `${HEAD}${GOOD}1717200000100,1"1,2,buy,7\n`],
    ['a line end in quotes', `${HEAD}${GOOD}1717200000100,1,2,"buy\n",7\n`],
    ['carriage returns in one line only', `${HEAD}${GOOD}1717200000100,1,2,buy,7\r\n`],
    ['a carriage return in a cell', `${HEAD}${GOOD}1717200000100,1,2,buy\r,7\n`],
    ['an infinite price', `${HEAD}${GOOD}1717200000100,inf,2,buy,7\n`],
    ['a price of zero', `${HEAD}${GOOD}1717200000100,0,2,buy,7\n`],
    ['no amount', `${HEAD}${GOOD}1717200000100,1,,buy,7\n`],
    ['a time in seconds among milliseconds', `${HEAD}${GOOD}1717200000,1,2,buy,7\n`],
    ['a rounded time', `${HEAD}${GOOD}1.7172E+12,1,2,buy,7\n`],
    ['a rounded id', `${HEAD}${GOOD}1717200000100,1,2,buy,1.76E+12\n`],
    ['an id that stands for none', `${HEAD}${GOOD}1717200000100,1,2,buy,nan\n`],
    ['an unknown side', `${HEAD}${GOOD}1717200000100,1,2,long,7\n`],
    ['a row of four cells', `${HEAD}${GOOD}1717200000100,1,2,buy\n`],
    ['no last line end', `${HEAD}${GOOD}1717200000100,1,2,buy,7`],
    ['a comment first', `# made by hand\n${HEAD}${GOOD}`],
    ['bytes that are not UTF-8', Buffer.from(`${HEAD}${GOOD}1717200000100,1,2,buy,\xff\n`, 'latin1')],
    ['UTF-16', Buffer.from(`\ufeff${HEAD}${GOOD}`, 'utf16le')],
  ])('leaves a file with %s to the reader of rows, and nothing staged', async (what, content) => {
    const { source, staging, reader } = await opened(`${what.replaceAll(' ', '-')}.csv`, content, GIVEN);
    expect(await stageCleanRows(source, staging, reader)).toBe(false);
    expect(staging.count('trade')).toBe(0);
  });

  it('leaves a cut gzip to the reader of rows, for which it is incomplete', async () => {
    const whole = gzipSync(`${HEAD}${rowsOf(20_000, (i, r) => `${1_717_200_000_000 + i},${price(r)},2,buy,${10_000 + i}`)}`);
    const { source, staging, reader } = await opened('cut.csv.gz', whole.subarray(0, whole.length - 2_000), GIVEN);
    expect(await stageCleanRows(source, staging, reader)).toBe(false);
  });
});
