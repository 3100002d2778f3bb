import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../src/lib/model/ndjson.js';
import { type AnyRecord, type Candle, type Funding, RECORD_TYPES, type Trade } from '../../../src/lib/model/records.js';
import { openSnapshot } from '../../../src/lib/storage/reading/store-snapshot.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { sampleRecords } from '../../support/any-record.js';
import { bookRecord, clockRecord, gapRecord, tickerRecord } from '../../support/records.js';
import { readAll, rowsOf, START, temporaryDirectory, tradeAt, trades, writeRun } from './support.js';

const candle: Candle = {
  type: 'candle',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: START,
  localTimestamp: START + 5,
  interval: '1m',
  open: 1,
  high: 2,
  low: 0.5,
  close: 1.5,
  volume: 3,
  source: 'exchange',
  closed: false,
};

const funding: Funding = {
  type: 'funding',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: START,
  rate: 0.0001,
};

const files = async (directory: string) =>
  ((await readdir(directory, { recursive: true })) as string[]).filter((name) => name.endsWith('.parquet')).sort();

describe('openStoreWriter', () => {
  it('gives back what was written, sealed and open alike, every field exact', async () => {
    const directory = await temporaryDirectory();
    const records: AnyRecord[] = [
      tradeAt(0, { price: 0.1 + 0.2, amount: 1e-8 }),
      tradeAt(1, { localTimestamp: undefined, sequence: undefined }),
      { ...tickerRecord, timestamp: START + 2000, localTimestamp: START + 2001 },
      { ...bookRecord, timestamp: START + 3000, localTimestamp: START + 3001, sequence: '9223372036854775807', depth: 15 },
      { ...gapRecord, timestamp: START + 4000, untilTimestamp: START + 4000, localTimestamp: START + 4001 },
      {
        type: 'coverage',
        exchange: 'bybit',
        market: 'spot',
        symbol: "O'X",
        timestamp: START + 5000,
        channel: 'trade',
        fromTimestamp: START,
        untilTimestamp: START + 9,
        records: 3,
        duplicates: 0,
        outOfOrder: 0,
        gaps: 0,
        verdict: 'whole',
        detail: { note: 'ä "quoted"', numbers: [1, 2.5] },
      },
    ];
    const plain = (given: readonly AnyRecord[]) => given.map((record) => encodeRecord(record));
    const writer = await openStoreWriter(directory, { step: 'test' });
    await writer.write(records);
    expect(plain(await readAll(directory))).toEqual(plain(records));
    await writer.close();
    expect(plain(await readAll(directory))).toEqual(plain(records));
    expect(await readdir(join(directory, 'journal'))).toEqual([]);
  });

  it('gives back every type whole, whatever its texts and numbers, with and without an exchange', async () => {
    const directory = await temporaryDirectory();
    const types = RECORD_TYPES.filter((type) => type !== 'clock');
    const records = sampleRecords(8, types).map((record, n) => ({ ...record, timestamp: START + n, localTimestamp: START + n }));
    const plain = records.map((record) => encodeRecord(record as AnyRecord));
    const named: AnyRecord[] = ['0123', '2026-01-01', 'true', 'a/../b', '%2e', "it's", '*?[x]'].map((exchange, n) =>
      tradeAt(n, { exchange, timestamp: START + 1000 + n }),
    );
    const lines = [...plain, ...named.map(encodeRecord)].sort();
    const writer = await openStoreWriter(directory, { step: 'test' });
    await writer.write([...(records as AnyRecord[]), ...named]);
    expect((await readAll(directory)).map(encodeRecord).sort()).toEqual(lines);
    await writer.close();
    expect((await readAll(directory)).map(encodeRecord).sort()).toEqual(lines);
  });

  it('puts each type, exchange, market and day into a partition of its own and stores no clock', async () => {
    const directory = await temporaryDirectory();
    const midnight = Date.parse('2026-11-21T00:00:00Z') * 1000;
    await writeRun(directory, [
      tradeAt(0, { timestamp: midnight - 1 }),
      tradeAt(1, { timestamp: midnight }),
      tradeAt(2, { exchange: 'bitget', market: 'spot' }),
      candle,
      clockRecord,
    ]);
    const directories = (await files(directory)).map((path) => path.replace(/\/[^/]*$/, ''));
    expect(directories).toEqual([
      'candle/source=exchange/interval=1m/exchange=bybit/market=linear/date=2026-11-20',
      'trade/exchange=bitget/market=spot/date=2026-11-20',
      'trade/exchange=bybit/market=linear/date=2026-11-20',
      'trade/exchange=bybit/market=linear/date=2026-11-21',
    ]);
  });

  it('seals at a number of records while it writes on, and loses and doubles nothing', async () => {
    const directory = await temporaryDirectory();
    const writer = await openStoreWriter(directory, { step: 'test', sealRecords: 250, now: () => START / 1000 });
    for (let n = 0; n < 1000; n += 50) await writer.write(trades(n, n + 50));
    expect(await rowsOf(directory, 'SELECT count(*), count(DISTINCT id) FROM trade')).toEqual([[1000, 1000]]);
    expect(await writer.close()).toEqual({ written: 1000, repeated: 0, contradicting: 0, recovered: 0, broken: 0 });
    expect(await files(directory)).toHaveLength(4);
    expect(await readAll(directory)).toEqual(trades(0, 1000));
  });

  it('merges the files of an hour that is over into one that carries their segments', async () => {
    const directory = await temporaryDirectory();
    let now = START / 1000;
    const writer = await openStoreWriter(directory, { step: 'test', sealRecords: 100, now: () => now });
    for (let n = 0; n < 400; n += 100) await writer.write(trades(n, n + 100));
    now += 3_600_000;
    // Big enough to be worth merging with the rest, whether that was merged before or not.
    await writer.write(trades(400, 900));
    await writer.close();
    const snapshot = await openSnapshot(directory);
    const stored = [...snapshot.state.files.values()];
    await snapshot.close();
    expect(stored.map(({ rows, segments }) => ({ rows, segments }))).toEqual([{ rows: 900, segments: [`${writer.id}-0:4`] }]);
    expect(snapshot.state.replaced.size).toBeGreaterThanOrEqual(5);
    expect(await readAll(directory)).toEqual(trades(0, 900));
  });

  it.each([
    ['the same run again', [trades(0, 100), trades(0, 100)], 100],
    ['an overlapping run', [trades(0, 100), trades(50, 150)], 150],
    ['a run inside another', [trades(0, 100), trades(40, 60)], 100],
  ])('stores a trade once: %s', async (_, runs, expected) => {
    const directory = await temporaryDirectory();
    for (const run of runs) await writeRun(directory, run);
    expect(await rowsOf(directory, 'SELECT count(*), count(DISTINCT id) FROM trade')).toEqual([[expected, expected]]);
  });

  it('changes nothing when a captured stream is replayed twice, whatever the type', async () => {
    const directory = await temporaryDirectory();
    const tape: AnyRecord[] = [...trades(0, 20)];
    for (let n = 0; n < 20; n++) {
      tape.push({ ...tickerRecord, timestamp: START + n, localTimestamp: START + n });
      tape.push({ ...bookRecord, timestamp: START + 7, localTimestamp: START + n });
      tape.push({ ...gapRecord, timestamp: START + n, untilTimestamp: START + n });
    }
    await writeRun(directory, tape);
    const before = await readAll(directory);
    const report = await writeRun(directory, tape);
    expect(report.repeated).toBe(80);
    expect(before).toHaveLength(80);
    expect(await readAll(directory)).toEqual(before);
  });

  it('keeps every one of several records of one time that have no arrival and differ', async () => {
    const directory = await temporaryDirectory();
    const { localTimestamp: _, ...ticker } = { ...tickerRecord, timestamp: START, localTimestamp: 1 };
    await writeRun(directory, [ticker, { ...ticker, last: 2 }, { ...ticker, last: 2 }]);
    expect(await rowsOf(directory, 'SELECT last FROM ticker ORDER BY 1')).toEqual([[2], [65114.3]]);
  });

  it('keeps the later of two fetched rates of one input', async () => {
    const directory = await temporaryDirectory();
    const sql = 'SELECT rate FROM funding';
    const writer = await openStoreWriter(directory, { step: 'test' });
    await writer.write([funding, { ...funding, rate: 5 }]);
    expect(await rowsOf(directory, sql)).toEqual([[5]]);
    await writer.close();
    expect(await rowsOf(directory, sql)).toEqual([[5]]);
  });

  const captured = tradeAt(0);
  const fetched: Trade = { ...captured, localTimestamp: undefined };
  const closedCandle: Candle = { ...candle, closed: true, close: 9, localTimestamp: undefined };
  it.each<[string, AnyRecord, AnyRecord, string, number]>([
    ['a captured trade beats a fetched one', fetched, captured, 'SELECT count(local_timestamp) FROM trade', 1],
    ['a fetched trade does not beat a captured one', captured, fetched, 'SELECT count(local_timestamp) FROM trade', 1],
    ['a closed candle beats an open one', candle, closedCandle, 'SELECT close FROM candle', 9],
    ['an open candle does not beat a closed one', closedCandle, candle, 'SELECT close FROM candle', 9],
    [
      'a later open candle beats an earlier one',
      candle,
      { ...candle, close: 4, localTimestamp: START + 9 },
      'SELECT close FROM candle',
      4,
    ],
  ])('%s: while open, sealed in one, in two, and merged', async (_, first, second, sql, expected) => {
    const together = await temporaryDirectory();
    const open = await openStoreWriter(together, { step: 'test' });
    await open.write([first, second]);
    expect(await rowsOf(together, sql)).toEqual([[expected]]);
    await open.close();
    expect(await rowsOf(together, sql)).toEqual([[expected]]);

    const apart = await temporaryDirectory();
    await writeRun(apart, [first], { now: () => START / 1000 });
    const writer = await openStoreWriter(apart, { step: 'test', now: () => START / 1000 + 3_700_000 });
    await writer.write([second]);
    expect(await rowsOf(apart, sql)).toEqual([[expected]]);
    await writer.close();
    expect(await rowsOf(apart, sql)).toEqual([[expected]]);
    expect(await readAll(apart)).toHaveLength(1);
  });

  it('chooses by key between two runs that did not know of each other', async () => {
    const directory = await temporaryDirectory();
    const a = await openStoreWriter(directory, { step: 'a' });
    const b = await openStoreWriter(directory, { step: 'b' });
    await a.write(trades(0, 100));
    await b.write(trades(50, 150));
    const count = () => rowsOf(directory, 'SELECT count(*), count(DISTINCT id) FROM trade');
    expect(await count()).toEqual([[150, 150]]);
    await Promise.all([a.close(), b.close()]);
    expect(await count()).toEqual([[150, 150]]);
  });

  it('writes together what several callers write at the same time, each resolved when it is in the journal', async () => {
    const directory = await temporaryDirectory();
    const writer = await openStoreWriter(directory, { step: 'test' });
    await Promise.all(trades(0, 200).map((trade) => writer.write([trade])));
    const [journal] = await readdir(join(directory, 'journal'));
    const lines = (await readFile(join(directory, 'journal', journal as string), 'utf8')).trim().split('\n');
    expect(JSON.parse(lines[0] as string)).toMatchObject({ type: 'journal', step: 'test', owner: { pid: process.pid } });
    expect(lines.slice(1)).toEqual(trades(0, 200).map(encodeRecord));
    await writer.close();
  });
});

describe('claims', () => {
  const claim = (symbols: readonly string[] | 'all', channel = 'trade') => [
    { exchange: 'bybit', market: 'linear', channel, symbols },
  ];

  it.each([
    ['the same symbol', claim(['BTCUSDT']), claim(['ETHUSDT', 'BTCUSDT'])],
    ['all beside one', claim('all'), claim(['BTCUSDT'])],
    ['one beside all', claim(['BTCUSDT']), claim('all')],
  ])('refuses a second living writer: %s', async (_, first, second) => {
    const directory = await temporaryDirectory();
    const writer = await openStoreWriter(directory, { step: 'stream', claims: first });
    const refused = openStoreWriter(directory, { step: 'stream', claims: second });
    await expect(refused).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(`pid ${process.pid}`) });
    await writer.close();
    await (await openStoreWriter(directory, { step: 'stream', claims: second })).close();
  });

  it('lets writers of other symbols, channels and none at all write side by side', async () => {
    const directory = await temporaryDirectory();
    const writers = [];
    for (const claims of [claim(['BTCUSDT']), claim(['ETHUSDT']), claim('all', 'ticker'), []])
      writers.push(await openStoreWriter(directory, { step: 'stream', claims }));
    for (const writer of writers) await writer.close();
  });

  it('lets exactly one of several that start at the same time capture', async () => {
    const directory = await temporaryDirectory();
    const started = await Promise.allSettled(
      Array.from({ length: 6 }, () => openStoreWriter(directory, { step: 'stream', claims: claim('all') })),
    );
    const granted = started.filter((result) => result.status === 'fulfilled');
    expect(granted).toHaveLength(1);
    for (const { value } of granted) await value.close();
  });
});

describe('the directory', () => {
  it('refuses one with content but no marker, naming the absolute path', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'thesis.doc'), 'mine');
    const message = expect.stringContaining(directory);
    await expect(openStoreWriter(directory, { step: 'test' })).rejects.toMatchObject({ exitCode: 2, message });
    await expect(openSnapshot(directory)).rejects.toMatchObject({ exitCode: 2, message });
    expect(await readdir(directory)).toEqual(['thesis.doc']);
  });

  it('refuses a file and a newer format', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'file'), '');
    await expect(openStoreWriter(join(directory, 'file'), { step: 'test' })).rejects.toMatchObject({ exitCode: 2 });
    await mkdir(join(directory, 'newer'));
    await writeFile(join(directory, 'newer', 'mdtool-store.json'), '{"store":"mdtool","format":3}');
    const newer = { exitCode: 1, message: expect.stringMatching(/format 3.*newer mdtool/) };
    await expect(openStoreWriter(join(directory, 'newer'), { step: 'test' })).rejects.toMatchObject(newer);
    await expect(openSnapshot(join(directory, 'newer'))).rejects.toMatchObject(newer);
  });

  it('is created by the first write and read as empty before, without being created', async () => {
    const directory = join(await temporaryDirectory(), 'a', 'b');
    expect(await readAll(directory)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
    await writeRun(directory, trades(0, 1));
    expect(await readAll(directory)).toEqual(trades(0, 1));
  });
});
