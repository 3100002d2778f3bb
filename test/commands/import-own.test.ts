import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import { IN_BAND_TYPES, RECORD_TYPES, type RecordType } from '../../src/lib/model/records.js';
import { createCsvEncoder } from '../../src/lib/sinks/csv.js';
import { type Database, sqlName, withDatabase } from '../../src/lib/storage/database/duckdb.js';
import { writeParquet } from '../../src/lib/storage/database/parquet-file.js';
import { TableAppender } from '../../src/lib/storage/database/table-appender.js';
import { sampleRecords } from '../support/any-record.js';
import { mdtool, ROOT } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'own-'));
});
afterAll(() => rm(directory, { recursive: true }));

const run = (args: readonly string[]) => mdtoolHere(args, { cwd: directory });
const lines = async (name: string) => (await readFile(join(directory, name), 'utf8')).trim().split('\n').sort();
const TYPES = RECORD_TYPES.filter((type) => type !== 'clock');

/** Writes the records of one type as a step does with `-o`. */
async function write(database: Database, type: RecordType): Promise<void> {
  const records = sampleRecords(6, [type]);
  const path = join(directory, type);
  await writeFile(`${path}.ndjson`, records.map((record) => `${encodeRecord(record)}\n`).join(''));
  if (!IN_BAND_TYPES.has(type)) {
    const csv = await createCsvEncoder({ output: `${type}.csv`, type });
    await writeFile(`${path}.csv`, csv.encode(records));
  }
  const appender = await TableAppender.create(database, type);
  await appender.append(records);
  await appender.flush();
  await writeParquet(database, `${path}.parquet`, { type, relation: sqlName(type) });
}

describe('a file that a step of mdtool wrote', () => {
  it('is imported as it is, whatever its type and format', async () => {
    await withDatabase({}, async (database) => {
      for (const type of TYPES) await write(database, type);
    });
    const expected = (types: readonly RecordType[]) => sampleRecords(6, types).map(encodeRecord).sort();
    for (const format of ['ndjson', 'csv', 'parquet']) {
      const types = TYPES.filter((type) => format !== 'csv' || !IN_BAND_TYPES.has(type));
      const { stderr, code } = await run(['import', ...types.map((type) => `${type}.${format}`), '-o', `all-${format}.ndjson`]);
      expect([format, code, stderr.match(/refused/)]).toEqual([format, 0, null]);
      expect(await lines(`all-${format}.ndjson`)).toEqual(expected(types));
    }
  });

  it('adds nothing to a store the second time', async () => {
    const files = [
      'trade.parquet',
      'ticker.parquet',
      'ticker.csv',
      'liquidation.parquet',
      'liquidation.csv',
      'open_interest.csv',
    ];
    expect(await run(['import', ...files, '-o', 'store', '--store', 'own'])).toMatchObject({ code: 0 });
    const again = await run(['import', ...files, '-o', 'store', '--store', 'own']);
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/no records .*records stored before/)]);
  });

  it.each([
    ['in order of time', '"timestamp", "sequence" NULLS FIRST, "id"'],
    ['in order of time but for ids', '"timestamp", "sequence" NULLS FIRST, "id" DESC'],
    ['in the order of a store', '"timestamp"::DATE, "symbol", "timestamp", "sequence" NULLS FIRST, "id"'],
    ['in no order', 'hash("id")'],
  ])('of several symbols %s is stored by symbol', async (name, order) => {
    const store = `by-symbol-${name}`;
    await withDatabase({}, async (database) => {
      const time = 'epoch_us("timestamp") AS "timestamp"';
      await database.run(`CREATE TABLE given AS SELECT 'bybit' AS exchange, 'linear' AS market, ['B', 'A', 'C'][i % 3 + 1] AS symbol,
        make_timestamptz(1717286000000000 + i // 7 * 1000000) AS "timestamp", 'id-' || hash(i) AS id, 100.5 + i % 9 AS price, 0.5 AS amount,
        'buy' AS side, CASE WHEN i % 3 > 0 THEN i // 14 END AS sequence FROM range(5000) r(i)`);
      await database.run(`COPY (SELECT * REPLACE (${time}) FROM given ORDER BY ${order}) TO '${directory}/several.csv' (HEADER)`);
    });
    expect(await run(['import', 'several.csv', '-o', 'store', '--store', store])).toMatchObject({ code: 0 });
    await withDatabase({}, async (database) => {
      const stored = `read_parquet('${directory}/${store}/trade/**/*.parquet', filename = true, file_row_number = true)`;
      const columns = `regexp_extract(filename, 'date=[0-9-]+') AS day, symbol, epoch_us("timestamp") AS time, id`;
      const rows = await database.rows(`SELECT ${columns} FROM ${stored} ORDER BY day, file_row_number`);
      expect([rows.length, new Set(rows.map(({ day }) => day)).size]).toEqual([5000, 2]);
      const sweep = `CASE WHEN "sequence" IS NOT NULL THEN "price" ELSE 0 END`;
      const sorted = `SELECT ${columns} FROM ${stored} ORDER BY day, "symbol", "timestamp", "sequence" NULLS FIRST, ${sweep}, "id"`;
      expect(rows).toEqual(await database.rows(sorted));
    });
  });

  it('is a foreign one as soon as a flag describes it', async () => {
    const { stderr, code } = await run(['import', 'ticker.parquet', '--exchange', 'nowhere', '-o', 'x.ndjson']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--exchange nowhere contradicts the file/)]);
  });
});

describe('an import', () => {
  /** Fifteen million equal rows are runs of some bytes; a hundred rows share one long text. */
  const bombs = async () => {
    await cp(join(ROOT, 'fixtures/hostile/rows.parquet'), join(directory, 'rows.parquet'));
    const values = `'trade' AS type, 'bybit' AS exchange, 'linear' AS market, make_timestamptz(1717200000000000) AS "timestamp", 'x' AS id, 1.0::DOUBLE AS price, 1.0::DOUBLE AS amount, 'buy' AS side`;
    await withDatabase({}, async (database) => {
      await database.run(`CREATE TABLE long AS SELECT repeat('A', 400000) AS symbol`);
      await database.run(
        `COPY (SELECT symbol, ${values} FROM long, range(100)) TO '${join(directory, 'text.parquet')}' (COMPRESSION zstd)`,
      );
    });
  };

  it('and every other reader refuse a Parquet file that unpacks to more than any data does', async () => {
    await bombs();
    for (const name of ['rows.parquet', 'text.parquet'])
      for (const args of [
        ['import', name, '-o', 'store', '--store', 'never'],
        ['candles', name, '--interval', '1m'],
        ['query', `select count(*) from '${name}'`],
      ]) {
        const { stdout, stderr, code } = await run(args);
        expect([args[0], stdout, code]).toEqual([args[0], '', 1]);
        expect(stderr.trim()).toMatch(
          new RegExp(
            `^mdtool: ${name}: unpacks to more than 200 times its size, which no market data does; write it as several smaller files`,
          ),
        );
      }
    expect(existsSync(join(directory, 'never'))).toBe(false);
  });

  it('creates no store when it refuses every row', async () => {
    await writeFile(join(directory, 'zero.csv'), 't,px,qty,side\n1717200000000,0,1,buy\n');
    const flags = ['--exchange', 'okx', '--market', 'spot', '--symbols', 'BTC-USDT', '--as', 'trade', '--columns', 'timestamp=t'];
    const { stderr, code } = await run(['import', 'zero.csv', ...flags, '-o', 'store', '--store', 'never']);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/zero\.csv:2: trade\.price: expected a value above 0/)]);
    expect(existsSync(join(directory, 'never'))).toBe(false);
  });

  it('takes no value of a line that is too long to keep', async () => {
    const row = 'okx,spot,BTC-USDT,1717200000000000,1,1,buy,';
    const long = Buffer.concat([
      Buffer.from(`exchange,market,symbol,timestamp,price,amount,side,id\n${row}`),
      Buffer.alloc(65 << 20, 'x'),
    ]);
    await writeFile(join(directory, 'long.csv'), Buffer.concat([long, Buffer.from(`\n${row}b\n`)]));
    for (const args of [
      ['import', 'long.csv', '--as', 'trade', '-o', 'long.ndjson'],
      ['candles', 'long.csv', '--interval', '1m', '-o', 'long-candles.ndjson'],
    ]) {
      const { stderr, code } = await run(args);
      expect([args[0], code, stderr]).toEqual([args[0], 3, expect.stringMatching(/long\.csv.*2: the line is longer than 64 MB/)]);
    }
    expect(await lines('long.ndjson')).toHaveLength(1);
  });

  it('that is killed leaves its staged rows to the next one, which removes them', async () => {
    const temporary = await mkdtemp(join(directory, 'tmp-'));
    const env = { ...process.env, TMPDIR: temporary };
    const killed = spawn(process.execPath, [join(ROOT, 'bin/run.js'), 'import', '-', '-o', 'store', '--store', 'killed'], {
      cwd: directory,
      env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const staged = async () => (await readdir(temporary)).filter((name) => name.startsWith('mdtool-import-'));
    await expect.poll(staged, { timeout: 30_000 }).toHaveLength(1);
    await expect.poll(async () => await readdir(join(temporary, (await staged())[0] as string))).toContain('owner.json');
    const gone = new Promise((resolve) => killed.once('exit', resolve));
    killed.kill('SIGKILL');
    await gone;
    expect(await staged()).toHaveLength(1);
    expect(await mdtool(['import', 'trade.csv', '-o', 'y.ndjson'], { cwd: directory, env: { TMPDIR: temporary } })).toMatchObject(
      { code: 0 },
    );
    expect(await staged()).toEqual([]);
  });
});
