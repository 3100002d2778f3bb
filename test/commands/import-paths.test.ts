import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Staging } from '../../src/lib/import/staging.js';
import { Database } from '../../src/lib/storage/database/duckdb.js';
import { zipOf, zstdOf } from '../support/archives.js';
import { mdtoolHere } from '../support/mdtool-here.js';

/** Rows that SQL reads, and rows that are read one by one, must become the same files of the store. */
const folder = mkdtempSync(join(tmpdir(), 'mdtool-paths-'));
let database: Database;
beforeAll(async () => {
  database = await Database.open();
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

type Cells = Readonly<Record<string, string>>;
const COLUMNS = ['exchange', 'market', 'symbol', 'timestamp', 'local_timestamp', 'id', 'price', 'amount', 'side', 'sequence'];
const NUMBERS = new Set(['timestamp', 'local_timestamp', 'price', 'amount']);
const START = 1_717_286_390_000_000;

/** Ties, gaps in columns, two days, tiny prices, long texts, integers beyond 2^53; the last rows repeat earlier ones. */
const TRADES: Cells[] = Array.from({ length: 240 }, (_, i) => ({
  exchange: i % 40 === 39 ? 'an-exchange-of-25-letters' : 'bybit',
  market: i % 9 === 8 ? 'spot' : 'linear',
  symbol: ['BTCUSDT', 'XRPUSDT', '1000000MOGUSDT-27SEP24'][i % 3] as string,
  timestamp: String(START + Math.floor(i / 4) * 1_000_000 * (i % 7 === 0 ? 3 : 1)),
  local_timestamp: i % 5 === 0 ? '' : String(START + i * 7),
  id: i % 2 === 0 ? String(9_007_199_254_740_993n + BigInt(i)) : `7f3a-${String(i).padStart(16, '0')}`,
  price: ['1e-8', '0.00000001', '67540.1', '123456789.12345678', '0.1'][i % 5] as string,
  amount: ['1', '0.30000000000000004', '1e-7'][i % 3] as string,
  side: i % 11 === 0 ? '' : i % 2 === 0 ? 'buy' : 'sell',
  sequence: i % 4 === 0 ? '' : String(9_007_199_254_740_993n + BigInt(i >> 1)),
}));
const ROWS = [...TRADES, ...TRADES.slice(10, 20)];

function csv(rows: readonly Cells[], columns: readonly string[] = COLUMNS, end = '\n'): string {
  return [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ''))].map((cells) => cells.join(',') + end).join('');
}

function ndjson(rows: readonly Cells[]): string {
  const line = (row: Cells) =>
    COLUMNS.flatMap((name) => (row[name] === '' ? [] : [`"${name}":${NUMBERS.has(name) ? row[name] : `"${row[name]}"`}`]));
  return rows.map((row) => `{"type":"trade",${line(row).join(',')}}\n`).join('');
}

const typed = (rows: readonly Cells[]) => rows.map((row): Cells => ({ ...row, type: 'trade' }));
/** A blank line is read row by row. */
const slowly = (text: string) => text.replace('\n', '\n\n');
/** As R writes a table. */
const quoted = (text: string) => text.replace(/[^,\n]+/g, (cell) => (/^[0-9.e-]+$/.test(cell) ? cell : `"${cell}"`));

function write(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content);
  return name;
}

async function writeParquet(name: string, source: string, more = ''): Promise<string> {
  const time = (column: string) => `make_timestamptz("${column}"::BIGINT) AS "${column}"`;
  await database.run(
    `COPY (SELECT * REPLACE (${['timestamp', 'local_timestamp'].map(time).join(', ')}, price::DOUBLE AS price, amount::DOUBLE AS amount, sequence::BIGINT AS sequence)${more}
     FROM read_csv('${join(folder, source)}', all_varchar = true)) TO '${join(folder, name)}' (FORMAT parquet)`,
  );
  return name;
}

let stores = 0;
/** Imports files into a new store and returns its rows, in the order of its files, and what was printed. */
async function imported(...files: readonly string[]) {
  stores += 1;
  return await importedInto(`store-${stores}`, ...files);
}

async function importedInto(store: string, ...files: readonly string[]) {
  const { code, stderr } = await mdtoolHere(['import', ...files, '-o', 'store', '--store', store], { cwd: folder });
  const paths = readdirSync(join(folder, store), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.parquet'),
  );
  const rows: unknown[] = [];
  for (const path of paths.sort((a, b) => (a.replace(/[^/]*$/, '') < b.replace(/[^/]*$/, '') ? -1 : 1)))
    rows.push(
      ...(await database.read(`FROM read_parquet('${join(folder, store, path)}', hive_partitioning = false)`)).getRowsJson(),
    );
  return { code, rows, stderr: stderr.replace(/ in [\d.]+ s/, '').replaceAll(store, 'store') };
}

describe('own records', () => {
  /** The same rows read one by one: what every other file must become. */
  let slow: Awaited<ReturnType<typeof imported>>;
  beforeAll(async () => {
    slow = await imported(write('slow.csv', slowly(csv(ROWS))));
    expect([slow.code, slow.rows.length]).toEqual([0, 240]);
  });

  it.each<[what: string, fast: () => Promise<string> | string]>([
    ['CSV', () => write('plain.csv', csv(ROWS))],
    ['CSV with CRLF and a byte order mark', () => write('windows.csv', `\ufeff${csv(ROWS, COLUMNS, '\r\n')}`)],
    [
      'CSV.gz with type and an empty column',
      () => write('typed.csv.gz', gzipSync(csv(typed(ROWS), ['repaired', ...COLUMNS, 'type']))),
    ],
    ['CSV with quotes', () => write('quoted.csv', quoted(csv(ROWS)))],
    ['CSV.zst', () => write('packed.csv.zst', zstdOf(csv(ROWS)))],
    [
      'two members of an archive',
      () => write('parts.zip', zipOf({ 'a/1.csv': csv(ROWS.slice(0, 99)), 'a/2.ndjson': ndjson(ROWS.slice(99)) })),
    ],
    ['NDJSON', () => write('plain.ndjson', ndjson(ROWS))],
    ['NDJSON.zst', () => write('packed.ndjson.zst', zstdOf(ndjson(ROWS)))],
    ['NDJSON.gz', () => write('packed.ndjson.gz', gzipSync(ndjson(ROWS)))],
    ['Parquet', () => writeParquet('plain.parquet', write('for-parquet.csv', csv(ROWS)))],
    [
      'Parquet with type and an empty column',
      () => writeParquet('typed.parquet', write('for-typed.csv', csv(ROWS)), `, 'trade' AS type, NULL::BIGINT AS repaired`),
    ],
  ])('of %s become the files that a reading row by row makes', async (_, fast) => {
    expect(await imported(await fast())).toEqual(slow);
  });

  it('are stored in one order, whether their file is in it or not', async () => {
    const rows = TRADES.filter(
      ({ symbol, exchange, market }) => symbol === 'BTCUSDT' && exchange === 'bybit' && market === 'linear',
    );
    const stored = await imported(write('some.csv', csv(rows)));
    expect(stored.rows.length).toBeGreaterThan(60);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const idAt = 1 + COLUMNS.indexOf('id');
    const inOrder = (stored.rows as string[][]).map((row) => byId.get(row[idAt]) as Cells);
    for (const again of [inOrder, inOrder.toReversed()])
      expect((await imported(write('ordered.csv', csv(again)))).rows).toEqual(stored.rows);
  });

  it('of many files and formats in one command are those of one file', async () => {
    const part = (from: number, until: number) => ROWS.slice(from, until);
    const files = [
      write('part-a.csv', csv(part(0, 60))),
      write('part-b.csv', slowly(csv(part(50, 120)))),
      write('part-c.ndjson', ndjson(part(110, 180))),
      await writeParquet('part-d.parquet', write('part-d.csv', csv(part(180, 250)))),
    ];
    const many = Array.from({ length: 42 }, (_, i) => write(`bit-${i}.csv`, csv(part(i * 6, i * 6 + 6))));
    const [parts, bits] = [await imported(...files), await imported(...many)];
    expect([parts.rows, bits.rows]).toEqual([slow.rows, slow.rows]);
  });

  it('that the store has as they are change nothing, and one that arrived later is added', async () => {
    const first = await importedInto('again', 'slow.csv');
    for (const file of ['plain.csv', 'plain.ndjson', 'plain.parquet']) {
      const again = await importedInto('again', file);
      expect([again.code, again.rows]).toEqual([0, first.rows]);
      expect(again.stderr).toMatch(/no records.*240 records stored before/);
    }
    const later = ROWS.map((row, at) => (at === 100 ? { ...row, local_timestamp: String(START + 10_000_000) } : row));
    const { code, stderr } = await importedInto('again', write('later.csv', csv(later)));
    expect([code, stderr]).toEqual([0, expect.stringMatching(/1 trade stored.*239 records stored before/)]);
  });

  it('name the line of a contradiction in each format', async () => {
    const wrong = [...ROWS.slice(0, 30), { ...(ROWS[3] as Cells), price: '5' }];
    const files = {
      csv: [write('wrong.csv', csv(wrong)), 'wrong.csv:32'],
      ndjson: [write('wrong.ndjson', ndjson(wrong)), 'wrong.ndjson:31'],
      parquet: [await writeParquet('wrong.parquet', 'wrong.csv'), 'wrong.parquet: row 31'],
    } as const;
    for (const [file, place] of Object.values(files)) {
      const { code, stderr, rows } = await imported(file);
      expect([code, rows.length, stderr]).toEqual([3, 30, expect.stringContaining(place)]);
    }
  });

  it('beside records of other types in one CSV are read by the type of each row', async () => {
    const columns = [...COLUMNS, 'channel', 'from_timestamp', 'until_timestamp', 'reason', 'repaired', 'missing', 'type'];
    const gap = { ...(ROWS[0] as Cells), id: '', price: '', amount: '', side: '', sequence: '', type: 'gap', channel: 'trade' };
    const span = {
      from_timestamp: String(START),
      until_timestamp: String(START + 5),
      reason: 'disconnect',
      repaired: '0',
      missing: 'true',
    };
    const file = write('mixed.csv', csv([...typed(ROWS.slice(0, 40)), { ...gap, ...span }], columns));
    const { code, stderr } = await mdtoolHere(['import', file, '-o', 'mixed.ndjson', '--force'], { cwd: folder });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/40 trades, 1 gap/)]);
  });
});

describe('trades of one symbol in the order of their file', () => {
  const DAY_END = 1_717_286_400_000;
  /** Ties of three; `from` is milliseconds before the end of a day. */
  const rows = (from: number, cells: (time: number, i: number) => string) =>
    Array.from({ length: 60 }, (_, i) => `${cells(DAY_END - from + Math.floor(i / 3) * 10, i)}\n`).join('');
  const prices = (i: number) => `${100 + (i % 7)}.5,${(i % 5) + 1},${i % 2 === 0 ? 'Buy' : 'Sell'}`;
  const LAYOUTS: Readonly<Record<string, (from: number) => string>> = {
    'with ids': (from) => `time,price,qty,side,id\n${rows(from, (time, i) => `${time},${prices(i)},a-${9_000 + i}`)}`,
    'without ids': (from) => `time,price,qty,side\n${rows(from, (time, i) => `${time},${prices(i)}`)}`,
    'with a sequence': (from) =>
      `time,price,qty,side,id,sequence\n${rows(from, (time, i) => `${time},${prices(i)},a-${9_000 + i},${500 + i}`)}`,
    'with some ids': (from) =>
      `time,price,qty,side,id\n${rows(from, (time, i) => `${time},${prices(i)},${i % 4 === 0 ? '' : `a-${9_000 + i}`}`)}`,
    'with a sequence against their order': (from) =>
      `time,price,qty,side,id,sequence\n${rows(from, (time, i) => `${time},${prices(i)},a-${9_000 + i},${500 - i}`)}`,
  };
  const facts = '--as trade --exchange bybit --market linear --symbols BTCUSDT'.split(' ');

  it.each(Object.keys(LAYOUTS))('%s are stored as a reading row by row stores them, and once', async (layout) => {
    for (const [days, from] of [
      ['one-day', 5_000],
      ['two-days', 100],
    ] as const) {
      const name = `${layout.replaceAll(' ', '-')}-${days}`;
      const text = (LAYOUTS[layout] as (typeof LAYOUTS)[string])(from);
      const [slow, fast] = [await imported(write(`${name}-slow.csv`, slowly(text)), ...facts), `${name}-store`];
      const found = await importedInto(fast, write(`${name}.csv`, text), ...facts);
      expect([slow.code, slow.rows.length]).toEqual([0, 60]);
      expect(found).toEqual(slow);
      for (const file of [`${name}.csv`, `${name}-slow.csv`]) {
        const again = await importedInto(fast, file, ...facts);
        expect([again.rows, again.stderr]).toEqual([slow.rows, expect.stringMatching(/no records.*60 records stored before/)]);
      }
    }
  });

  it('name the line of a contradiction, in the file and with the store', async () => {
    const text = (LAYOUTS['with ids'] as (typeof LAYOUTS)[string])(5_000);
    const lines = text.split('\n');
    const repeated = write(
      'repeated.csv',
      [...lines.slice(0, 60), (lines[59] as string).replace(/,\d+[.]5,/, ',7,'), ''].join('\n'),
    );
    const { code, stderr } = await imported(repeated, ...facts);
    expect([code, stderr]).toEqual([3, expect.stringContaining('repeated.csv:61')]);
    await importedInto('changed', write('first.csv', text), ...facts);
    const other = lines.with(30, (lines[30] as string).replace(/,\d+[.]5,/, ',7,')).join('\n');
    const again = await importedInto('changed', write('other.csv', other), ...facts);
    expect([again.code, again.rows.length, again.stderr]).toEqual([3, 60, expect.stringContaining('other.csv:31')]);
  });

  it('that are half of a sweep are refused where the store ends with equal ones', async () => {
    const line = `${DAY_END},1.5,1,Buy\n`;
    const head = 'time,price,qty,side\n';
    const [first, second] = [`${head}${DAY_END - 10},1,1,Buy\n${line.repeat(3)}`, `${head}${line.repeat(2)}`];
    await importedInto('sweep', write('sweep-1.csv', first), ...facts);
    const { code, rows, stderr } = await importedInto('sweep', write('sweep-2.csv', second), ...facts);
    expect([code, rows.length, stderr]).toEqual([3, 4, expect.stringContaining('import both parts in one command')]);
  });
});

describe('an input that is read where it lies', () => {
  it('is refused when a program writes to it after it was checked', async () => {
    const path = join(folder, write('growing.csv', 'a\n'));
    const staging = await Staging.open();
    try {
      await staging.watch(path);
      await expect(staging.requireUnchanged()).resolves.toBeUndefined();
      writeFileSync(path, 'a\nb\n');
      await expect(staging.requireUnchanged()).rejects.toThrow(/growing\.csv: changed while it was read; import it again/);
    } finally {
      await staging.close();
      await staging.dispose();
    }
  });
});
