import { cpSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyRecord, BookDelta, BookSnapshot, Coverage, Gap, Trade } from '../../../../src/lib/model/records.js';
import { HOUR, SECOND } from '../../../../src/lib/model/time.js';
import { withDatabase } from '../../../../src/lib/storage/database/duckdb.js';
import type { Partition } from '../../../../src/lib/storage/files/partition.js';
import { storePaths } from '../../../../src/lib/storage/files/store-directory.js';
import { openStoreContext } from '../../../../src/lib/storage/log/store-context.js';
import { openInspection } from '../../../../src/lib/storage/reading/store-inspection.js';
import { BookRebuild } from '../../../../src/lib/verify/store/book-rebuild.js';
import { countDay } from '../../../../src/lib/verify/store/day-scan.js';
import { type VerifyRequest, verifyStore } from '../../../../src/lib/verify/store/verify-store.js';
import { tradeAt, writeRun } from '../../storage/support.js';

const DAY_START = Date.parse('2026-11-20T00:00:00Z') * 1000;
let root: string;
let whole: string;
let copies = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'verify test [1] '));
  whole = join(root, 'whole');
  // Three hours of a trade a second, a file per hour, and books of the first hour.
  for (const hour of [10, 11, 12]) await writeRun(whole, hourOf(hour));
  await writeRun(whole, [bookAt(0, 100, 101), bookAt(1, 100.5, 101)]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const timeOf = (hour: number, second: number) => DAY_START + hour * HOUR + second * SECOND;

function hourOf(hour: number, fields: Partial<Trade> = {}): Trade[] {
  return Array.from({ length: 3600 }, (_, second) => {
    const timestamp = timeOf(hour, second);
    const n = hour * 3600 + second;
    return tradeAt(n, {
      id: String(10_000_000 + n),
      sequence: String(10_000_000 + n),
      timestamp,
      localTimestamp: timestamp + 250,
      ...fields,
    });
  });
}

function bookAt(n: number, bid: number, ask: number): AnyRecord {
  const timestamp = timeOf(10, n);
  const identity = {
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp,
    localTimestamp: timestamp + n + 1,
  } as const;
  return { type: 'book_snapshot', ...identity, bids: [[bid, 1]], asks: [[ask, 1]], depth: 15 };
}

function gapOf(from: number, until: number, fields: Partial<Gap> = {}): Gap {
  const identity = {
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp: until,
    localTimestamp: until + 1,
  } as const;
  return {
    type: 'gap',
    ...identity,
    channel: 'trade',
    fromTimestamp: from,
    untilTimestamp: until,
    reason: 'disconnect',
    repaired: 0,
    missing: true,
    ...fields,
  };
}

/** A copy of the undamaged store. */
function copyOfStore(): string {
  const directory = join(root, `copy ${copies++}`);
  cpSync(whole, directory, { recursive: true });
  return directory;
}

/** The files of a type in order of time, as the log of the store knows them. */
async function filesOf(directory: string, type: string): Promise<string[]> {
  const { log } = openStoreContext(storePaths(directory));
  const files = [...(await log.read()).files.values()].filter(({ path }) => path.startsWith(`${type}/`));
  return files.sort((a, b) => a.min - b.min).map(({ path }) => join(directory, path));
}

/** The trade file of the second hour. */
const middleOf = async (directory: string) => (await filesOf(directory, 'trade'))[1] as string;

async function verified(directory: string, request: Partial<VerifyRequest> = {}) {
  const rows: Coverage[] = [];
  const files: string[] = [];
  const listener = { file: ({ path }: { path: string }) => void files.push(path) };
  for await (const batch of verifyStore(directory, { selection: {}, ...request }, listener)) rows.push(...batch);
  return { rows, files, found: rows.filter(({ verdict }) => verdict !== 'whole') };
}

/** Writes a file anew as another tool would, with some columns replaced. */
async function rewritten(path: string, replace: string): Promise<void> {
  await withDatabase({}, async (database) => {
    await database.run(
      `CREATE TABLE rows AS SELECT * REPLACE (${replace}) FROM read_parquet('${path.replace(/[*?[]/g, '[$&]')}', hive_partitioning = false)`,
    );
    await database.run(`COPY rows TO '${path}' (FORMAT parquet, COMPRESSION zstd)`);
  });
}

/** All bytes of all files: verifying changes nothing. */
function listing(directory: string): string[] {
  return (readdirSync(directory, { recursive: true }) as string[]).sort();
}

describe('a store that nothing happened to', () => {
  it('is whole, with every count, and stays as it is', async () => {
    const before = listing(whole);
    const { rows, files } = await verified(whole);
    expect(files).toEqual([]);
    expect(rows.map(({ symbol, channel, records, verdict, detail }) => [symbol, channel, records, verdict, detail])).toEqual([
      ['BTCUSDT', 'book', 2, 'whole', undefined],
      ['BTCUSDT', 'trade', 5400, 'whole', undefined],
      ['ETHUSDT', 'trade', 5400, 'whole', undefined],
    ]);
    expect(rows[1]).toMatchObject({ fromTimestamp: timeOf(10, 0), untilTimestamp: timeOf(12, 3598) + 1 });
    expect(listing(whole)).toEqual(before);
  });

  it('is whole in any part', async () => {
    const since = timeOf(10, 1800);
    const { rows, found } = await verified(whole, {
      selection: { since, until: timeOf(12, 1800), symbols: ['ETHUSDT'] },
      types: ['trade'],
    });
    expect(found).toEqual([]);
    expect(rows).toMatchObject([
      { symbol: 'ETHUSDT', records: 3600, fromTimestamp: since + SECOND, untilTimestamp: timeOf(12, 1799) + 1 },
    ]);
  });

  it('is whole while its last records are still in a journal', async () => {
    const directory = copyOfStore();
    const segment = readdirSync(join(directory, 'state/log')).length;
    const { encodeRecord } = await import('../../../../src/lib/model/ndjson.js');
    const lines = hourOf(13).map((record) => encodeRecord(record));
    const name = `20261120T130000${String(segment).padStart(8, '0')}-0`;
    writeFileSync(
      join(directory, 'journal', `${name}.ndjson`),
      `{"type":"journal","segment":"${name}"}\n${lines.join('\n')}\n{"type":"tra`,
    );
    const { rows, found } = await verified(directory, { types: ['trade'] });
    expect(found).toEqual([]);
    expect(rows.map(({ records }) => records)).toEqual([7200, 7200]);
  });
});

describe('damage done on purpose', () => {
  const hour = { fromTimestamp: timeOf(11, 0), untilTimestamp: timeOf(11, 3599) + 1 };

  it.each<[string, (path: string) => void, RegExp]>([
    ['a missing hour', (path) => rmSync(path), /is gone: 3600 trade records/],
    ['a truncated file', (path) => truncateSync(path, 2000), /cannot be read \(2000 bytes instead of \d+/],
    ['an empty file', (path) => truncateSync(path, 0), /cannot be read \(0 bytes/],
    ['a file of something else', (path) => writeFileSync(path, 'x'.repeat(9000)), /cannot be read/],
  ])('%s is a gap of every symbol in it, and nothing else is', async (_, damage, detail) => {
    const directory = copyOfStore();
    const path = await middleOf(directory);
    damage(path);
    const { rows, files, found } = await verified(directory);
    expect(files).toEqual([path]);
    expect(found).toMatchObject([
      { symbol: 'BTCUSDT', channel: 'trade', verdict: 'hole', records: 0, ...hour },
      { symbol: 'ETHUSDT', channel: 'trade', verdict: 'hole', records: 0, ...hour },
    ]);
    for (const { detail: text } of found) expect(text).toMatch(detail);
    for (const { detail: text } of found) expect(text).toContain(path);
    // What is left of the day is told on both sides of it.
    const trades = rows.filter(
      ({ symbol, channel, verdict }) => symbol === 'BTCUSDT' && channel === 'trade' && verdict === 'whole',
    );
    expect(trades.map(({ records, untilTimestamp }) => [records, untilTimestamp])).toEqual([
      [1800, timeOf(10, 3598) + 1],
      [1800, timeOf(12, 3598) + 1],
    ]);
  });

  it('a flipped byte is found, whatever it says', async () => {
    const directory = copyOfStore();
    const path = await middleOf(directory);
    const { readFileSync } = await import('node:fs');
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 3);
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(path, bytes);
    const { files, found } = await verified(directory);
    expect(files).toEqual([path]);
    expect(found.length).toBeGreaterThan(0);
    for (const { detail } of found) expect(detail).toContain(path);
  });

  it.each([
    ['an edited price', `CASE WHEN "id" = '10039700' THEN "price" * 1.01 ELSE "price" END AS "price"`],
    ['swapped ids', `CASE "id" WHEN '10039700' THEN '10039702' WHEN '10039702' THEN '10039700' ELSE "id" END AS "id"`],
    ['a moved trade', `CASE WHEN "id" = '10039700' THEN "timestamp" + INTERVAL 1 SECOND ELSE "timestamp" END AS "timestamp"`],
  ])('%s is a mismatch of the symbols in that file', async (_, replace) => {
    const directory = copyOfStore();
    const path = await middleOf(directory);
    await rewritten(path, replace);
    const { files, found } = await verified(directory);
    expect(files).toEqual([path]);
    expect(found.map(({ symbol, verdict }) => [symbol, verdict])).toEqual([
      ['BTCUSDT', 'mismatch'],
      ['ETHUSDT', 'mismatch'],
    ]);
    for (const { detail } of found) expect(detail).toContain(`${path} was changed after it was written`);
  });

  it('swapped ids are told as such, also where the log knows no digest', async () => {
    const directory = copyOfStore();
    await rewritten(
      await middleOf(directory),
      `CASE "id" WHEN '10039700' THEN '10039702' WHEN '10039702' THEN '10039700' ELSE "id" END AS "id"`,
    );
    const { found } = await verified(directory, { selection: { symbols: ['BTCUSDT'] } });
    expect(found[0]?.detail).toMatch(/2 trades have another id than their order number/);
  });

  it('a file that took the place of another is no file of that partition', async () => {
    const directory = copyOfStore();
    const [first, second] = (await filesOf(directory, 'trade')) as [string, string];
    cpSync(first, second);
    const { files, rows, found } = await verified(directory, { types: ['trade'] });
    expect(files).toEqual([second]);
    const doubled = rows.filter(({ duplicates }) => duplicates > 0);
    expect(doubled.map(({ verdict, duplicates }) => [verdict, duplicates])).toEqual([
      ['mismatch', 1800],
      ['mismatch', 1800],
    ]);
    expect(doubled[0]?.detail).toContain(first);
    // The hour that it had is not there.
    expect(found.filter(({ verdict }) => verdict === 'suspect')).toMatchObject([{ fromTimestamp: timeOf(10, 3598) }, {}]);
  });

  it('a duplicated file is named, with what it doubles', async () => {
    const directory = copyOfStore();
    const copy = join(dirname(await middleOf(directory)), 'copy of it.parquet');
    cpSync(await middleOf(directory), copy);
    const { files, rows, found } = await verified(directory);
    expect(files).toEqual([copy]);
    expect(found.map(({ symbol, verdict, duplicates }) => [symbol, verdict, duplicates])).toEqual([
      ['BTCUSDT', 'mismatch', 1800],
      ['ETHUSDT', 'mismatch', 1800],
    ]);
    expect(rows.filter(({ channel }) => channel === 'trade').map(({ records }) => records)).toEqual([5400, 5400]);
    // What a killed run leaves has a name of its own and is no more than suspicious.
    rmSync(copy);
    const own = (await middleOf(directory)).replace(/[0-9a-f]{6}\.parquet$/, '000000.parquet');
    cpSync(await middleOf(directory), own);
    expect((await verified(directory)).found.map(({ verdict }) => verdict)).toEqual(['suspect', 'suspect']);
  });

  it('a file with records that the store does not know is no copy', async () => {
    const directory = copyOfStore();
    const other = join(root, `other ${copies++}`);
    await writeRun(other, hourOf(15));
    const stray = join(dirname(await middleOf(directory)), 'stray.parquet');
    cpSync((await filesOf(other, 'trade'))[0] as string, stray);
    const { files, found } = await verified(directory);
    expect(files).toEqual([stray]);
    expect(found.map(({ verdict }) => verdict)).toEqual(['mismatch', 'mismatch']);
    expect(found[0]?.detail).toMatch(/holds 1800 records that the store does not have/);
  });

  it('everything at once: each is named, and the rest of the store is still verified', async () => {
    const directory = copyOfStore();
    const [first, second, third] = (await filesOf(directory, 'trade')) as [string, string, string];
    rmSync(first);
    truncateSync(second, 100);
    const copy = `${third.replace('.parquet', '')} copy.parquet`;
    cpSync(third, copy);
    const { rows, files } = await verified(directory);
    expect(files.sort()).toEqual([first, second, copy].sort());
    expect(rows.filter(({ channel }) => channel === 'book')).toMatchObject([{ verdict: 'whole' }]);
    expect(rows.filter(({ verdict }) => verdict === 'hole')).toHaveLength(4);
  });

  it('of all files of a day leaves nothing but its gaps, with the symbols that the log knows', async () => {
    const directory = copyOfStore();
    rmSync(join(directory, 'trade'), { recursive: true });
    const { rows } = await verified(directory, { types: ['trade'] });
    expect(rows.map(({ symbol, verdict }) => `${symbol} ${verdict}`).sort()).toEqual([
      ...Array(3).fill('BTCUSDT hole'),
      ...Array(3).fill('ETHUSDT hole'),
    ]);
  });
});

describe('gaps', () => {
  const openGap = [timeOf(11, 100), timeOf(11, 140)] as const;
  const isThere = ({ timestamp }: Trade) => timestamp <= openGap[0] || timestamp >= openGap[1];

  async function storeWith(...gaps: Gap[]): Promise<string> {
    const directory = join(root, `gaps ${copies++}`);
    await writeRun(directory, [...hourOf(11).filter((trade) => isThere(trade)), ...gaps]);
    return directory;
  }

  it('that nothing filled are gaps, one row each, with exactly their ends', async () => {
    const { rows } = await verified(await storeWith(gapOf(...openGap), gapOf(timeOf(11, 900), timeOf(11, 900))), {
      types: ['trade'],
    });
    const own = rows.filter(({ symbol }) => symbol === 'BTCUSDT');
    expect(
      own.map(({ verdict, fromTimestamp, untilTimestamp, records, gaps }) => [
        verdict,
        fromTimestamp,
        untilTimestamp,
        records,
        gaps,
      ]),
    ).toEqual([
      ['whole', timeOf(11, 0), openGap[0] + 1, 51, 1],
      ['hole', ...openGap, 0, 1],
      ['whole', openGap[1], timeOf(11, 900) + 1, 381, 1],
      ['hole', timeOf(11, 900), timeOf(11, 900) + 1, 0, 1],
      ['whole', timeOf(11, 902), timeOf(11, 3598) + 1, 1349, 0],
    ]);
    expect(own[1]?.detail).toMatch(/^disconnect: nothing is known between .* \(40s\); mdtool backfill/);
    expect(rows.filter(({ symbol }) => symbol === 'ETHUSDT')).toHaveLength(1);
  });

  it('that were filled later are no gaps, and are counted', async () => {
    const filled = gapOf(...openGap, { missing: false, localTimestamp: timeOf(12, 0) });
    const { rows, found } = await verified(await storeWith(gapOf(...openGap), filled), { types: ['trade'] });
    expect(found).toEqual([]);
    expect(rows.map(({ symbol, gaps }) => [symbol, gaps])).toEqual([
      ['BTCUSDT', 2],
      ['ETHUSDT', 0],
    ]);
  });

  it('of a symbol that never traded, of another day, or of a channel that came with another are told', async () => {
    const never = gapOf(...openGap, { symbol: 'XRPUSDT' });
    const other = gapOf(openGap[0] - 48 * HOUR, openGap[1] - 48 * HOUR);
    const mark = { ...bookAt(0, 1, 2), type: 'mark_price', mark: 5 } as unknown as AnyRecord;
    const directory = await storeWith(never, other, gapOf(...openGap, { channel: 'ticker' }));
    await writeRun(directory, [mark]);
    const { found } = await verified(directory);
    expect(found.map(({ symbol, channel, verdict, fromTimestamp }) => [symbol, channel, verdict, fromTimestamp])).toEqual([
      ['BTCUSDT', 'mark_price', 'hole', openGap[0]],
      ['BTCUSDT', 'ticker', 'hole', openGap[0]],
      ['BTCUSDT', 'trade', 'hole', openGap[0] - 48 * HOUR],
      ['XRPUSDT', 'trade', 'hole', openGap[0]],
    ]);
  });

  it('across midnight are one row', async () => {
    const directory = join(root, `midnight ${copies++}`);
    const midnight = DAY_START + 24 * HOUR;
    const trades = hourOf(23).filter(({ timestamp }) => timestamp < midnight - 60 * SECOND);
    const later = hourOf(24).filter(({ timestamp }) => timestamp > midnight + 60 * SECOND);
    await writeRun(directory, [...trades, ...later, gapOf(midnight - 62 * SECOND, midnight + 62 * SECOND)]);
    const { rows } = await verified(directory, { selection: { symbols: ['BTCUSDT'] }, types: ['trade'] });
    expect(rows.map(({ verdict, records }) => [verdict, records])).toEqual([
      ['whole', 1770],
      ['hole', 0],
      ['whole', 1769],
    ]);
    const cut = await verified(directory, { selection: { symbols: ['BTCUSDT'], since: midnight }, types: ['trade'] });
    expect(cut.found).toMatchObject([{ fromTimestamp: midnight, untilTimestamp: midnight + 62 * SECOND }]);
  });
});

describe('what is suspicious or wrong in the records', () => {
  it('a silence without a gap is suspected, one that a gap explains is not', async () => {
    const directory = join(root, `silence ${copies++}`);
    const silent = [timeOf(11, 1200), timeOf(11, 1500)] as const;
    await writeRun(directory, [
      ...hourOf(10),
      ...hourOf(11).filter(({ timestamp }) => timestamp <= silent[0] || timestamp >= silent[1]),
    ]);
    const { found } = await verified(directory);
    expect(
      found.map(({ symbol, verdict, fromTimestamp, untilTimestamp }) => [symbol, verdict, fromTimestamp, untilTimestamp]),
    ).toEqual([
      ['BTCUSDT', 'suspect', silent[0], silent[1]],
      ['ETHUSDT', 'suspect', silent[0] - SECOND, silent[1] + SECOND],
    ]);
    expect(found[0]?.detail).toMatch(/^silent for 5m, from .*; up to 1m is ordinary/);
    await writeRun(directory, [gapOf(silent[0], silent[1], { missing: false, repaired: 0 })]);
    expect((await verified(directory)).found.map(({ symbol }) => symbol)).toEqual(['ETHUSDT']);
  });

  it('a day that follows six others is judged by them, also when only it is asked for', async () => {
    const directory = join(root, `week ${copies++}`);
    // A trade a minute: an hour of a day has 30 of each symbol, too few to judge a silence of 45 minutes by.
    const day = (n: number) =>
      hourOf(10)
        .filter((_, index) => index % 60 < 2)
        .map((trade) => shifted(trade, n));
    const last = day(6).filter(({ timestamp }) => timestamp % HOUR <= 600 * SECOND || timestamp % HOUR >= 3300 * SECOND);
    await writeRun(directory, [...[0, 1, 2, 3, 4, 5].flatMap(day), ...last]);
    const since = DAY_START + 6 * 24 * HOUR;
    const { found } = await verified(directory, { selection: { since }, types: ['trade'] });
    expect(found.map(({ symbol, verdict }) => [symbol, verdict])).toEqual([
      ['BTCUSDT', 'suspect'],
      ['ETHUSDT', 'suspect'],
    ]);
  });

  function shifted(trade: Trade, days: number): Trade {
    const by = days * 24 * HOUR;
    const id = String(Number(trade.id) + days * 1_000_000);
    return { ...trade, id, sequence: id, timestamp: trade.timestamp + by, localTimestamp: (trade.localTimestamp ?? 0) + by };
  }

  it('crossed books and impossible values are told with their time', async () => {
    const directory = join(root, `values ${copies++}`);
    await writeRun(directory, [bookAt(0, 100, 101), bookAt(1, 101, 101), tradeAt(0, { price: 0 }), tradeAt(2)]);
    const { found } = await verified(directory);
    expect(found.map(({ channel, verdict }) => [channel, verdict])).toEqual([
      ['book', 'mismatch'],
      ['trade', 'mismatch'],
    ]);
    expect(found[0]?.detail).toMatch(/1 books? .*crossed .* 2026-11-20T10:00:01/);
  });

  describe('deltas of books', () => {
    /** A book that begins with a whole snapshot, 10 messages a second. `u` numbers them. */
    const message = (u: number, fields: Partial<BookDelta | BookSnapshot> = {}, from = timeOf(10, 0)): AnyRecord => {
      const at = from + u * 100_000;
      const identity = {
        exchange: 'bybit',
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp: at,
        localTimestamp: at + 300,
      } as const;
      const delta = { ...identity, bids: [], asks: [], sequence: `${u}`, previousSequence: `${u - 1}` } as const;
      return { type: 'book_delta', ...delta, ...fields } as AnyRecord;
    };
    const wholeBook = (u: number, fields: Partial<BookSnapshot> = {}, from?: number): AnyRecord => {
      const { previousSequence: _, ...snapshot } = message(u, { bids: [[1, 1]], asks: [[2, 1]] }, from) as BookDelta;
      return { ...snapshot, type: 'book_snapshot', ...fields } as AnyRecord;
    };
    const deltas = (from: number, until: number) => Array.from({ length: until - from }, (_, n) => message(from + n));
    const verifiedDeltas = async (records: readonly AnyRecord[], request: Partial<VerifyRequest> = {}) => {
      const directory = join(root, `deltas ${copies++}`);
      await writeRun(directory, records);
      return verified(directory, { types: ['book_delta'], ...request });
    };
    // A connection lost after 20; snapshots of the best levels lie between and restart nothing; the second whole one lies
    // within the delta that follows it.
    const sound = [wholeBook(1), ...deltas(2, 20), wholeBook(20, { depth: 15, sequence: '19' }), message(20)];
    const again = [wholeBook(50), message(51, { previousSequence: '48' }), ...deltas(52, 60)];

    it('that follow one another are whole, over a reconnect, a midnight and two files', async () => {
      const midnight = DAY_START + 24 * HOUR - 3 * SECOND;
      const night = Array.from({ length: 60 }, (_, n) => (n === 0 ? wholeBook(0, {}, midnight) : message(n, {}, midnight)));
      for (const records of [[...sound, ...again], night, sound.slice(5)]) {
        const { found, rows } = await verifiedDeltas(records);
        expect([found, rows.length > 0]).toEqual([[], true]);
      }
    });

    it('of which one is gone are told with the time of the first that lacks it', async () => {
      const { found } = await verifiedDeltas([...sound, ...again].filter((_, index) => index !== 10 && index !== 28));
      expect(found.map(({ verdict }) => verdict)).toEqual(['mismatch']);
      expect(found[0]?.detail).toMatch(/2 deltas do not continue the book .* 2026-11-20T10:00:01\.200/);
      const alone = await verifiedDeltas([...sound, ...again.slice(1)]);
      expect(alone.found[0]?.detail).toMatch(/1 delta does not continue/);
    });

    it('of which one is gone at midnight are told on the day after', async () => {
      const midnight = DAY_START + 24 * HOUR - 3 * SECOND;
      const night = Array.from({ length: 60 }, (_, n) => (n === 0 ? wholeBook(0, {}, midnight) : message(n, {}, midnight)));
      const { found } = await verifiedDeltas(night.filter((_, index) => index !== 30));
      expect(found.map(({ detail }) => detail)).toEqual([expect.stringContaining('the first of 2026-11-21T00:00:00.100')]);
      const since = DAY_START + 24 * HOUR;
      const later = await verifiedDeltas(
        night.filter((_, index) => index !== 30),
        { selection: { since } },
      );
      expect(later.found).toEqual([]);
    });

    it('are not judged by what lies more than a day before them', async () => {
      const later = timeOf(10, 0) + 48 * HOUR;
      const others = [0, 1, 2].map((day) => message(day, { symbol: 'ETHUSDT' }, timeOf(10, 0) + day * 24 * HOUR));
      const { found } = await verifiedDeltas([...sound, ...[90, 91, 92].map((u) => message(u, {}, later)), ...others]);
      expect(found.map(({ symbol, detail }) => [symbol, detail])).toEqual([]);
    });

    describe('applied to their snapshots', () => {
      const change = (u: number, bids: [number, number][], asks: [number, number][] = [], from?: number) =>
        message(u, { bids, asks }, from);
      const midnight = DAY_START + 24 * HOUR - 3 * SECOND;
      const atNight = (records: (from: number) => AnyRecord[]) => records(midnight);
      // A level that was never taken away again reaches the other side.
      const crossed = [
        wholeBook(1),
        ...deltas(2, 6),
        change(6, [[2.5, 1]]),
        ...deltas(7, 9),
        change(9, [[2.5, 0]]),
        ...deltas(10, 15),
      ];

      it('make books whose best bid reaches the best ask, told with the time of the first and its file', async () => {
        const { found } = await verifiedDeltas(crossed);
        expect(found.map(({ verdict, channel }) => [verdict, channel])).toEqual([['mismatch', 'book_delta']]);
        expect(found[0]?.detail).toMatch(
          /^3 deltas leave the book crossed .*, the first of 2026-11-20T10:00:00\.600.*, in .*book_delta.*\.parquet$/,
        );
        const touched = await verifiedDeltas([wholeBook(1), change(2, [[2, 1]])]);
        expect(touched.found[0]?.detail).toMatch(/^1 delta leaves the book crossed/);
      });

      it('are judged as long as the book is known', async () => {
        // No snapshot before; one that begins anew; deltas that do not continue are told as that.
        const unknown = [change(2, [[1, 1]], [[2, 1]]), change(3, [[2.5, 1]])];
        const anew = [
          wholeBook(1),
          change(2, [[1.9, 1]]),
          wholeBook(3, { bids: [[5, 1]], asks: [[6, 1]] }),
          change(4, [[5.5, 1]]),
        ];
        for (const records of [unknown, anew]) expect((await verifiedDeltas(records)).found).toEqual([]);
        const broken = await verifiedDeltas([wholeBook(1), change(2, []), change(4, [[2.5, 1]]), change(5, [])]);
        expect(broken.found.map(({ detail }) => detail)).toEqual([expect.stringMatching(/^1 delta does not continue/)]);
      });

      it.each([
        ['at its beginning', 0],
        ['as its last message', 29],
      ])('go on over midnight from a snapshot of the first day %s', async (_, whole) => {
        const night = atNight((from) => [
          ...Array.from({ length: 35 }, (_, n) => (n === whole ? wholeBook(n, {}, from) : message(n, {}, from))),
          change(35, [[2.5, 1]], [], from),
        ]);
        const { found } = await verifiedDeltas(night);
        expect(found[0]?.detail).toMatch(/^1 delta leaves .* the first of 2026-11-21T00:00:00\.500/);
      });

      it('a few at a time as all at once', async () => {
        const directory = join(root, `deltas ${copies++}`);
        const others = ['AUSDT', 'ZUSDT'].flatMap((symbol) => crossed.map((record) => ({ ...record, symbol }) as AnyRecord));
        await writeRun(directory, [...crossed, ...others]);
        const inspection = await openInspection(directory, { types: ['book_delta', 'book_snapshot'] });
        const [partition] = await inspection.partitions(['book_delta']);
        const inspected = await inspection.partition(partition as Partition);
        const { symbols } = await countDay(inspection, inspected);
        const crossings = async (most?: number) =>
          (await new BookRebuild(inspection, most).flaws({ deltas: inspected, symbols })).crossings;
        const whole = await crossings();
        expect(whole.map(({ symbol, count, at }) => [symbol, count, at])).toEqual(
          ['AUSDT', 'BTCUSDT', 'ZUSDT'].map((symbol) => [symbol, 3, timeOf(10, 0) + 600_000]),
        );
        for (const most of [1, 5, 20]) expect(await crossings(most)).toEqual(whole);
        await inspection.close();
      });
    });
  });

  it('a clock that was behind, or far ahead, is told and changes no verdict', async () => {
    for (const [offset, text] of [
      [-1_500_000, /arrived 1\.500 s before/],
      [9_000_000, /arrived 9\.000 s after/],
    ] as const) {
      const directory = join(root, `clock ${copies++}`);
      await writeRun(
        directory,
        hourOf(10).map((trade) => ({ ...trade, localTimestamp: trade.timestamp + offset })),
      );
      const { rows, found } = await verified(directory);
      expect(found).toEqual([]);
      for (const { detail } of rows) expect(detail).toMatch(text);
    }
  });
});
