import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { Trade } from '../../src/lib/model/records.js';
import { readStore } from '../../src/lib/storage/reading/store-reader.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const directory = mkdtempSync(join(tmpdir(), 'archive-days-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const HEADER = 'timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional';
const MIDNIGHT = Date.UTC(2025, 10, 21) / 1_000;

/** A row of a contract archive, as in the excerpts of public reports. */
const row = (
  n: number,
  { day = 0, price = 91_000 + n, id = `${String(100 + n).padStart(8, '0')}-0000-5000-8000-000000000000` } = {},
) => `${MIDNIGHT + day * 86_400 + n}.5,BTCUSDT,Buy,0.01,${price},PlusTick,${id},1,0.01,910`;
const ROWS = Array.from({ length: 10 }, (_, n) => row(n));
const csv = (rows: readonly string[], header = HEADER) => `${[header, ...rows].join('\n')}\n`;

let folders = 0;
function file(name: string, text: string | Buffer): string {
  const folder = join(directory, `files-${folders++}`);
  mkdirSync(folder);
  const path = join(folder, name);
  writeFileSync(path, name.endsWith('.gz') && typeof text === 'string' ? gzipSync(text) : text);
  return path;
}

let stores = 0;
const newStore = () => join(directory, `store-${stores++}`);

async function backfill(store: string, files: string | readonly string[], ...flags: string[]) {
  const { code, stderr } = await mdtoolHere(['backfill', ...[files].flat(), ...flags, '--store', store]);
  return { code, stderr };
}

async function trades(store: string): Promise<Trade[]> {
  const records: Trade[] = [];
  for await (const batch of readStore(store, { types: ['trade'] })) records.push(...(batch as Trade[]));
  return records;
}

const prices = async (store: string) => (await trades(store)).map(({ price }) => price);
const DAY = 'BTCUSDT2025-11-21.csv';
const ALL = Array.from({ length: 10 }, (_, n) => 91_000 + n);

describe('an archive that is not whole', () => {
  const cut = csv(ROWS.slice(0, 3));
  it.each<[string, string, string | Buffer, number, RegExp, number]>([
    ['four rows', DAY, csv(ROWS.slice(0, 4)), 0, /4 trade/, 4],
    ['a header alone', DAY, csv([]), 3, /has a header but no trades/, 0],
    ['a gzipped header alone', `${DAY}.gz`, csv([]), 3, /has a header but no trades/, 0],
    ['a header without line end', DAY, HEADER, 3, /the file is cut off/, 0],
    [
      'a row that is cut in its id',
      DAY,
      cut.slice(0, cut.indexOf('00000102') + 1),
      3,
      /expected 10 cells, found 7: no grossValue .*line 4/,
      2,
    ],
    ['a row without its line end', DAY, cut.slice(0, -1), 3, /the file is cut off/, 3],
    ['a cut gzip stream', `${DAY}.gz`, gzipSync(csv(ROWS)).subarray(0, 120), 3, /the file is cut off/, -1],
    [
      'rows of the day before',
      DAY,
      csv(ROWS.map((_, n) => row(n, { day: -1 }))),
      3,
      /10 rows could not be read: not of 2025-11-21, the date in the file name \(first: .*line 2\)/,
      0,
    ],
    ['one row of the day after', DAY, csv([row(0), row(1, { day: 1 })]), 3, /1 row could not be read: not of 2025-11-21/, 1],
    ['a row with fewer cells', DAY, csv([row(0), row(1).split(',').slice(0, 7).join(',')]), 3, /expected 10 cells, found 7/, 1],
    [
      'a row with a cell too many',
      DAY,
      csv([row(0), `${row(1)},7`]),
      3,
      /expected 10 cells, found 11: "7" after foreignNotional has no column/,
      1,
    ],
    [
      'one id on two trades',
      DAY,
      csv([row(0), row(1), row(2, { price: 5, id: '00000101-0000-5000-8000-000000000000' })]),
      3,
      /its id belongs to another trade.* in line 3 \(.*line 4\)/,
      2,
    ],
  ])('%s: is completed by the whole file of the day', async (_, name, text, exit, message, stored) => {
    const store = newStore();
    const first = await backfill(store, file(name, text));
    expect([first.code, first.stderr]).toEqual([exit, expect.stringMatching(message)]);
    if (stored >= 0) expect(await prices(store)).toHaveLength(stored);
    const whole = await backfill(store, file(DAY, csv(ROWS)));
    expect([whole.code, whole.stderr]).toEqual([0, expect.anything()]);
    expect(await prices(store)).toEqual(ALL);
    const again = await backfill(store, file(DAY, csv(ROWS)));
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/no records/)]);
  });

  it('keeps a price that may be cut off out of the store', async () => {
    const store = newStore();
    const header = 'timestamp,symbol,side,size,trdMatchID,price';
    const text = csv(['1763683200.5,BTCUSDT,Buy,0.01,a,91000', '1763683201.5,BTCUSDT,Buy,0.01,b,91001'], header);
    const { code, stderr } = await backfill(store, file(DAY, text.slice(0, -2)));
    expect([code, stderr]).toEqual([3, expect.stringMatching(/cut off in price .*line 3/)]);
    expect(await prices(store)).toEqual([91_000]);
  });

  it('does not hide a trade whose id is stored with another price', async () => {
    const store = newStore();
    await backfill(store, file(DAY, csv(ROWS)));
    const { code, stderr } = await backfill(store, file(DAY, csv([row(3, { price: 1 })])));
    expect([code, stderr]).toEqual([3, expect.stringMatching(/its id belongs to another trade, .* in the store \(.*line 2\)/)]);
    expect(await prices(store)).toEqual(ALL);
  });
});

describe('archives of a month and of its days in one command', () => {
  const spot = (from: number, count: number, offset = 0) =>
    Array.from({ length: count }, (_, n) => `${n + 1},${(MIDNIGHT + from) * 1_000 + n * 1_000},${100 + offset + n},1,buy`);
  const month = () =>
    file(
      'BTCUSDT-2025-11.csv.gz',
      csv(
        [...spot(-86_400, 5), ...spot(0, 5, 50).map((line, n) => line.replace(/^\d+/, String(n + 6)))],
        'id,timestamp,price,volume,side',
      ),
    );
  const day = () => file('BTCUSDT_2025-11-21.csv.gz', csv(spot(0, 5, 50), 'id,timestamp,price,volume,side'));
  const expected = [100, 101, 102, 103, 104, 150, 151, 152, 153, 154];

  it.each([
    ['the month first', () => [month(), day()]],
    ['the day first', () => [day(), month()]],
  ])('store every trade once, %s', async (_, files) => {
    const [together, apart] = [newStore(), newStore()];
    expect((await backfill(together, files())).code).toBe(0);
    expect(await prices(together)).toEqual(expected);
    for (const path of files()) expect((await backfill(apart, path)).code).toBe(0);
    expect(await prices(apart)).toEqual(expected);
    const { stdout } = await mdtoolHere(['backfill', ...files(), '-o', '-', '--format', 'ndjson']);
    expect(stdout.trim().split('\n')).toHaveLength(10);
  });
});

describe('trades of one moment', () => {
  const at = (seconds: string, price: number, id: string) => `${seconds},BTCUSDT,Buy,1,${price},PlusTick,${id},1,1,100`;
  const sweep = [
    at('1763683200.1000', 100, 'c'),
    at('1763683200.1000', 100.1, 'f'),
    at('1763683200.1000', 100.2, '1'),
    at('1763683260.2000', 100.2, 'a'),
    at('1763683260.2000', 100.1, '0'),
    at('1763683260.2000', 100, 'b'),
  ];
  const right = [100, 100.1, 100.2, 100.2, 100.1, 100];

  it.each([
    ['oldest first', sweep],
    ['newest first', [...sweep].reverse()],
  ])('keep the order of the file: %s', async (_, rows) => {
    const store = newStore();
    expect((await backfill(store, file(DAY, csv(rows)))).code).toBe(0);
    const stored = await trades(store);
    expect(stored.map(({ price }) => price)).toEqual(right);
    expect(stored.map(({ sequence }) => sequence)).toEqual(['0', '1', '2', '0', '1', '2']);
  });

  it('stay in order when a day is cut between them: joined in one command, refused by line in two', async () => {
    const [together, apart] = [newStore(), newStore()];
    const parts = [file(DAY, csv(sweep.slice(0, 2))), file(DAY, csv(sweep.slice(2)))];
    await backfill(together, parts);
    expect((await trades(together)).map(({ price, sequence }) => [price, sequence]).slice(0, 3)).toEqual([
      [100, '0'],
      [100.1, '1'],
      [100.2, '2'],
    ]);
    await backfill(apart, parts[0] as string);
    const { code, stderr } = await backfill(apart, parts[1] as string);
    expect(code).toBe(3);
    expect(stderr).toContain('the store has another trade at this place of its time');
    expect(stderr).toContain(`(${parts[1]}, line 2)`);
    expect(await prices(apart)).toEqual([100, 100.1, 100.2, 100.1, 100]);
    // The whole file completes the day all the same.
    await backfill(apart, file(DAY, csv(sweep)));
    expect(await prices(apart)).toEqual(right);
  });

  it('of inverse files have whole seconds', async () => {
    const store = newStore();
    const rows = ['c', 'a', 'f', 'b', '1'].map(
      (id, n) => `1763683206,BTCUSD,Buy,100,${16_661 + n}.00,PlusTick,${id},1,100,0.006`,
    );
    expect((await backfill(store, file('BTCUSD2025-11-21.csv.gz', csv(rows)))).code).toBe(0);
    expect(await prices(store)).toEqual([16_661, 16_662, 16_663, 16_664, 16_665]);
  });

  it('of spot files that run newest first are numbered backwards', async () => {
    const store = newStore();
    const rows = [5, 4, 3, 2, 1].map((price, n) => `${n + 1},${MIDNIGHT * 1_000 + (price > 3 ? 1_000 : 0)},${price},1,sell`);
    expect((await backfill(store, file('BTCUSDT_2025-11-21.csv', csv(rows, 'id,timestamp,price,volume,side')))).code).toBe(0);
    expect(await prices(store)).toEqual([1, 2, 3, 4, 5]);
  });

  it('that a cut file begins and a whole one completes stay in order', async () => {
    const store = newStore();
    await backfill(store, file(DAY, csv(sweep.slice(0, 2))));
    await backfill(store, file(DAY, csv(sweep)));
    expect(await prices(store)).toEqual(right);
    const reversed = newStore();
    const text = csv([...sweep].reverse().slice(0, 5));
    expect((await backfill(reversed, file(DAY, text.slice(0, -1)))).code).toBe(3);
    await backfill(reversed, file(DAY, csv([...sweep].reverse())));
    expect(await prices(reversed)).toEqual(right);
  });

  it.each([1, 4, 5])('that run newest first and are cut after row %d stay in order when the whole file comes', async (rows) => {
    const store = newStore();
    const reversed = [...sweep].reverse();
    await backfill(store, file(DAY, csv(reversed.slice(0, rows))));
    const whole = await backfill(store, file(DAY, csv(reversed)));
    expect([whole.code, await prices(store)]).toEqual([0, right]);
    const args = ['--interval', '1s', '-o', '-', '--store', store];
    const input = (await trades(store)).sort((a, b) => a.timestamp - b.timestamp || a.id.localeCompare(b.id)).map(encodeRecord);
    const piped = await mdtoolHere(['candles', '-', ...args], { input: `${input.join('\n')}\n` });
    expect(piped.stdout).toContain('"open":100.2');
    expect(piped.stdout).toBe((await mdtoolHere(['candles', ...args])).stdout);
    const again = await backfill(store, file(DAY, csv(reversed)));
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/no records/)]);
  });

  it.each([
    ['the newer part first', false],
    ['the older part first', true],
  ])('that run newest first are joined with the other part of their day: %s', async (_, isSwapped) => {
    for (const rows of [1, 2, 4, 5]) {
      const store = newStore();
      const reversed = [...sweep].reverse();
      const parts = [file(DAY, csv(reversed.slice(0, rows))), file(DAY, csv(reversed.slice(rows)))];
      const { code } = await backfill(store, isSwapped ? parts.reverse() : parts);
      expect([code, (await trades(store)).map(({ price, sequence }) => [price, sequence])]).toEqual([
        0,
        right.map((price, at) => [price, String(at % 3)]),
      ]);
    }
  });
});

describe('flags that contradict an archive end with 2', () => {
  it.each<[string[], RegExp]>([
    [['--market', 'spot'], /an archive of linear, but --market is spot/],
    [['--market', 'inverse,spot'], /an archive of linear, but --market is inverse, spot/],
    [['--symbols', 'ETHUSDT'], /an archive of BTCUSDT, but --symbols is ETHUSDT/],
    [['--exchange', 'bitget'], /an archive of bybit, but --exchange is bitget/],
    [['--quote', 'USDC'], /an archive of BTCUSDT, but --quote is USDC/],
    [['--kind', 'spot'], /an archive of a perpetual symbol, but --kind is spot/],
    [['--match', '^ETH'], /an archive of BTCUSDT, which --match does not accept/],
    [['--channels', 'candle', '--interval', '1m'], /--channels candle: archives have trades only/],
    [['--interval', '1m'], /--interval is for candles; archives have trades only/],
  ])('%j', async (flags, message) => {
    const store = newStore();
    const good = file('BTCUSDT2025-11-20.csv', csv([row(0, { day: -1 })]));
    const { code, stderr } = await backfill(store, [good, file(DAY, csv(ROWS))], ...flags);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(await trades(store)).toEqual([]);
  });

  it('flags that fit are accepted, in other spellings too', async () => {
    const store = newStore();
    const flags = [
      '--exchange',
      'bybit',
      '--market',
      'linear,spot',
      '--symbols',
      'BTC/USDT:USDT,ETHUSDT',
      '--quote',
      'USDT',
      '--kind',
      'perpetual',
    ];
    expect((await backfill(store, file(DAY, csv(ROWS)), ...flags)).code).toBe(0);
    expect(await prices(store)).toEqual(ALL);
  });
});

describe('a file that is not an archive is named as what it is', () => {
  it.each<[string, string, RegExp]>([
    [
      DAY,
      `${ROWS.join('\n')}\n`,
      /has no header line; expected the columns timestamp, symbol, side, size, price, trdMatchID or id,/,
    ],
    [
      DAY,
      csv(ROWS, HEADER.replace('price', 'cost')),
      /expected the columns of an archive of trades, found timestamp, .*; missing price/,
    ],
    [DAY, csv(ROWS, HEADER.replace('grossValue', 'price')), /column price appears twice/],
    ['BTCUSDT.csv', csv(ROWS), /expected a name with symbol and date/],
  ])('%s %#', async (name, text, message) => {
    const { code, stderr } = await backfill(newStore(), file(name, text));
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
  });
});
