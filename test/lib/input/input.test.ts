import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDuckDBSink, createParquetSink } from '../../../src/lib/cli/output/database-sink.js';
import { readInput } from '../../../src/lib/input/input.js';
import { encodeRecord } from '../../../src/lib/model/ndjson.js';
import { type AnyRecord, RECORD_TYPES } from '../../../src/lib/model/records.js';
import { createFileSink } from '../../../src/lib/sinks/file.js';
import type { Sink } from '../../../src/lib/sinks/sink.js';
import { withDatabase } from '../../../src/lib/storage/database/duckdb.js';
import { tableRecords } from '../../../src/lib/storage/database/record-rows.js';
import { sampleRecords } from '../../support/any-record.js';
import { clockRecord, gapRecord, tickerRecord, tradeRecord } from '../../support/records.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'input-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function read(...paths: string[]): Promise<{ records: AnyRecord[]; broken: string[] }> {
  const broken: string[] = [];
  const records: AnyRecord[] = [];
  for await (const batch of readInput(paths, { broken: (reason) => broken.push(reason) })) records.push(...batch);
  return { records, broken };
}

async function writeAll(sink: Sink, records: readonly AnyRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += 7) await sink.write(records.slice(from, from + 7));
  await sink.close();
}

const file = (name: string) => join(directory, name);
/** Records differ in the order of their properties only. */
const lines = (records: readonly AnyRecord[]) => records.map(encodeRecord);

describe('round trips of every record type', () => {
  const records = sampleRecords(40);

  it.each(['ndjson', 'ndjson.gz', 'csv', 'csv.gz', 'parquet'])('.%s', async (extension) => {
    const path = file(`{type}.${extension}`);
    const format = extension.startsWith('csv') ? 'csv' : 'ndjson';
    const sink =
      extension === 'parquet' ? createParquetSink({ path, force: false }) : createFileSink({ path, force: false, format });
    await writeAll(await sink, records);
    for (const type of RECORD_TYPES) {
      const back = await read(file(`${type}.${extension}`));
      expect(back.broken, type).toEqual([]);
      expect(lines(back.records), type).toEqual(lines(records.filter((record) => record.type === type)));
    }
  });

  it('.duckdb, one table per type', async () => {
    await writeAll(await createDuckDBSink({ path: file('all.duckdb'), force: false }), records);
    await withDatabase({ path: file('all.duckdb') }, async (database) => {
      for (const type of RECORD_TYPES) {
        const back: AnyRecord[] = [];
        for await (const batch of tableRecords(database, type, type)) back.push(...batch);
        expect(lines(back), type).toEqual(lines(records.filter((record) => record.type === type)));
      }
    });
  });
});

describe('database sinks', () => {
  it('keep the order over many batches and leave nothing half-written behind', async () => {
    const records = Array.from({ length: 130_000 }, (_, n) => tradeRecord({ id: `${n}`, timestamp: 1_786_310_817_000_000 - n }));
    await writeAll(await createParquetSink({ path: file('many.parquet'), force: false }), records);
    expect((await read(file('many.parquet'))).records.map((record) => (record.type === 'trade' ? record.id : ''))).toEqual(
      records.map(({ id }) => id),
    );
    expect((await readdir(directory)).filter((name) => /partial|tmp|wal/.test(name))).toEqual([]);
  });

  it('hold one type in a Parquet file, gap and clock left out and counted', async () => {
    const sink = await createParquetSink({ path: file('one.parquet'), force: false });
    await sink.write([tradeRecord(), gapRecord, clockRecord, clockRecord]);
    await expect(sink.write([tickerRecord])).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/Parquet holds one record type, found trade and ticker.*one-\{type\}\.parquet/),
    });
    expect(await sink.close()).toEqual({ output: file('one.parquet'), records: 1, skipped: { gap: 1, clock: 2 } });
  });

  it.each([createParquetSink, createDuckDBSink])(
    'refuse a file that exists, and give nothing when they are aborted',
    async (create) => {
      const path = file(`existing.${create === createParquetSink ? 'parquet' : 'duckdb'}`);
      const aborted = await create({ path, force: false });
      await aborted.write([tradeRecord()]);
      await aborted.abort();
      expect((await readdir(directory)).filter((name) => name.startsWith('existing'))).toHaveLength(
        create === createParquetSink ? 0 : 1,
      );
      await writeFile(path, 'mine');
      await expect(create({ path, force: false })).rejects.toMatchObject({ exitCode: 2 });
      await writeAll(await create({ path, force: true }), [tradeRecord()]);
    },
  );

  it('have a table and a file for types that are known, without a record', async () => {
    await writeAll(await createParquetSink({ path: file('none.parquet'), force: false, types: ['candle', 'gap'] }), []);
    expect(await read(file('none.parquet'))).toEqual({ records: [], broken: [] });
  });
});

describe('broken input', () => {
  const good = encodeRecord(tradeRecord());

  it('is left out of NDJSON, each line with its number and reason', async () => {
    const text = [
      good,
      '',
      '{"type":"trade"',
      '{"type":"unicorn"}',
      good.replace('"buy"', '"BUY"'),
      good.replace('65114.3', '"1"'),
      good,
    ];
    await writeFile(file('bad.ndjson'), text.join('\n'));
    const { records, broken } = await read(file('bad.ndjson'));
    expect(records).toHaveLength(2);
    expect(broken.map((reason) => reason.replace(directory, ''))).toEqual([
      expect.stringMatching(/bad\.ndjson:3: expected a JSON object/),
      expect.stringMatching(/bad\.ndjson:4: expected a record type, was unicorn/),
      expect.stringMatching(/bad\.ndjson:5: trade\.side: expected one of buy, sell, was BUY/),
      expect.stringMatching(/bad\.ndjson:6: trade\.price: expected a finite number, was 1/),
    ]);
  });

  const header = 'exchange,market,symbol,timestamp,local_timestamp,id,price,amount,side,sequence';
  const row = 'bybit,linear,BTCUSDT,1786310817000000,,a-1,65114.3,0.001,buy,9007199254740993';

  it('is left out of CSV, each row with its number and reason', async () => {
    const rows = [
      header,
      row,
      row.replace('65114.3', 'NaN'),
      'bybit,linear',
      row.replace('1786310817000000', '1.5'),
      row.replace('0.001', ''),
      row,
    ];
    await writeFile(file('bad.csv'), `\ufeff${rows.join('\r\n')}\r\n`);
    const { records, broken } = await read(file('bad.csv'));
    expect(records).toEqual([tradeRecord({ sequence: '9007199254740993' }), tradeRecord({ sequence: '9007199254740993' })]);
    expect(broken.map((reason) => reason.split('bad.csv: ')[1])).toEqual([
      'row 3: trade.price: expected a finite number, was NaN',
      'row 4: expected 10 cells, found 2',
      'row 5: trade.timestamp: expected integer microseconds, was 1.5',
      'row 6: trade.amount is missing',
    ]);
  });

  it('is what fits the schema and cannot be meant: times in other units, trades of nothing', async () => {
    const base = tradeRecord();
    const wrong = [
      { ...base, timestamp: 1_763_942_400_000 },
      { ...base, timestamp: 1_763_942_400 },
      { ...base, price: 0 },
      { ...base, amount: -1 },
    ];
    await writeFile(file('units.ndjson'), `${[...wrong, base].map(encodeRecord).join('\n')}\n`);
    await writeAll(await createFileSink({ path: file('units.csv'), force: false, format: 'csv', type: 'trade' }), [
      ...wrong,
      base,
    ]);
    for (const name of ['units.ndjson', 'units.csv']) {
      const { records, broken } = await read(file(name));
      expect(records.length).toBe(1);
      expect(broken.map((reason) => reason.replace(/^\S+(?: row \d+:)? /, ''))).toEqual([
        'trade.timestamp: expected microseconds of this century, was 1763942400000, which may be milliseconds',
        'trade.timestamp: expected microseconds of this century, was 1763942400, which may be seconds',
        `trade: expected price and amount above 0, was 0 and ${base.amount}`,
        `trade: expected price and amount above 0, was ${base.price} and -1`,
      ]);
    }
  });

  it('is left out of Parquet and counted; integer times, timestamps and NaN are understood', async () => {
    const select = (side: string, price: string, time: string) =>
      `SELECT 'bybit' AS exchange, 'linear' AS market, 'X' AS symbol, ${time} AS timestamp, 'i' AS id, ${price}::DOUBLE AS price, 1 AS amount, ${side} AS side`;
    const copy = (name: string, rows: string[]) =>
      withDatabase({}, (database) => database.run(`COPY (${rows.join(' UNION ALL ')}) TO '${file(name)}'`));
    const micros = '1786310817000000';
    await copy('foreign.parquet', [select("'buy'", '2', micros), select("'BUY'", '2', micros), select("'buy'", "'nan'", micros)]);
    await copy('units.parquet', [
      select("'buy'", '2', '1786310817000'),
      select("'buy'", '0', micros),
      select("'buy'", '2', micros),
    ]);
    const units = await read(file('units.parquet'));
    expect([units.records.length, units.broken]).toEqual([1, [expect.stringContaining('2 rows are not valid records')]]);
    await copy('naive.parquet', [select("'sell'", '2', "TIMESTAMP '2026-08-09 21:26:57'")]);
    const foreign = await read(file('foreign.parquet'));
    expect(foreign.records).toEqual([expect.objectContaining({ timestamp: Number(micros), price: 2, amount: 1 })]);
    expect(foreign.broken).toEqual([expect.stringContaining('2 rows are not valid records')]);
    expect((await read(file('naive.parquet'))).records).toEqual([expect.objectContaining({ timestamp: Number(micros) })]);
  });

  it.each([
    ['columns of no type', 'time,price', /expected the columns of a record type, found time, price/],
    ['a required column missing', header.replace(',amount', ''), /trade also needs amount/],
    ['a column twice', `${header},id`, /id appears twice/],
  ])('is refused as a whole: %s', async (_, text, message) => {
    await writeFile(file('foreign.csv'), `${text}\n${row}\n`);
    await expect(read(file('foreign.csv'))).rejects.toThrow(message);
  });

  it('is refused before anything is read: formats nobody knows, patterns and files that are not there', async () => {
    await writeFile(file('a.txt'), '');
    await expect(read(file('bad.ndjson'), file('a.txt'))).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('a.txt'),
    });
    await expect(read(file('no-*.ndjson'))).rejects.toThrow(/no file matches/);
    for (const name of ['no.ndjson', 'no.csv', 'no.parquet']) await expect(read(file(name))).rejects.toThrow(/no such file/);
    await writeFile(file('text.parquet'), 'PAR1 but not really');
    await expect(read(file('text.parquet'))).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('text.parquet'),
    });
  });

  it('that ends early gives what came before it', async () => {
    const whole = gzipSync(`${Array.from({ length: 5000 }, (_, n) => encodeRecord(tradeRecord({ id: `${n}` }))).join('\n')}\n`);
    await writeFile(file('cut.ndjson.gz'), whole.subarray(0, whole.length / 2));
    const { records, broken } = await read(file('cut.ndjson.gz'));
    expect(records.length).toBeGreaterThan(100);
    expect(broken.at(-1)).toMatch(/is incomplete/);
  });
});

describe('other tools', () => {
  it('find plain Parquet: pandas reads what was written, if it is there', () => {
    const script = `import pandas, sys; frame = pandas.read_parquet(sys.argv[1]); print(len(frame), frame['timestamp'].dtype)`;
    let output = '';
    try {
      output = execFileSync('python3', ['-c', script, file('many.parquet')], { stdio: 'pipe' }).toString();
    } catch {
      return;
    }
    expect(output).toMatch(/130000 datetime64\[us, UTC\]/);
  });
});
