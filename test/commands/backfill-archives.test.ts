import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { AnyRecord, Gap, Trade } from '../../src/lib/model/records.js';
import { DAY, HOUR, SECOND } from '../../src/lib/model/time.js';
import { readStore } from '../../src/lib/storage/reading/store-reader.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { seeded } from '../support/random.js';

const directory = mkdtempSync(join(tmpdir(), 'archives-'));
const path = (name: string) => join(directory, name);
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const MIDNIGHT = Date.UTC(2026, 9, 20) * 1_000;
const DATE = '2026-10-20';
const identity = (market: 'linear' | 'spot') => ({ type: 'trade', exchange: 'bybit', market, symbol: 'BTCUSDT' }) as const;

/** A day of trades with times of a tenth of a millisecond, as the archive has them. */
const TRADES: Trade[] = Array.from({ length: 3_000 }, (_, at) => {
  const timestamp = MIDNIGHT + Math.floor((at * DAY) / 3_000 / 100) * 100;
  return {
    ...identity('linear'),
    timestamp,
    id: `id-${at}`,
    price: 60_000 + (at % 97),
    amount: (1 + (at % 50)) / 1_000,
    side: at % 3 === 0 ? 'buy' : 'sell',
  };
});

function contractsCsv(trades: readonly Trade[], rpi: boolean): string {
  const head = `timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional${rpi ? ',RPI' : ''}`;
  // Rows are not always in the order of time.
  const random = seeded(7);
  const mixed = trades.map((trade) => ({ trade, key: random() })).sort((a, b) => a.key - b.key);
  const rows = mixed.map(({ trade: { timestamp, side, amount, price, id } }) => {
    const seconds = `${Math.floor(timestamp / SECOND)}.${String(timestamp % SECOND)
      .padStart(6, '0')
      .slice(0, 4)}`;
    return [
      seconds,
      'BTCUSDT',
      side === 'buy' ? 'Buy' : 'Sell',
      amount,
      price,
      'PlusTick',
      id,
      0,
      amount,
      0,
      ...(rpi ? ['0'] : []),
    ].join(',');
  });
  return `${[head, ...rows].join('\n')}\n`;
}

async function trades(store: string): Promise<Trade[]> {
  const records: AnyRecord[] = [];
  for await (const batch of readStore(path(store), { types: ['trade'] })) records.push(...batch);
  return records as Trade[];
}

const plain = ({ id, timestamp, price, amount, side }: Trade) => ({ id, timestamp, price, amount, side });
const archive = (name: string, text: string) => {
  mkdirSync(path('files'), { recursive: true });
  writeFileSync(path(`files/${name}`), name.endsWith('.gz') ? gzipSync(text) : text);
  return path(`files/${name}`);
};

describe('backfill of archives', () => {
  it('of contracts, plain and gzipped, with and without RPI, gives every trade once, exact to the microsecond', async () => {
    const half = TRADES.length / 2;
    const file = archive(`BTCUSDT${DATE}.csv.gz`, contractsCsv(TRADES, true));
    const { code, stderr } = await mdtoolHere(['backfill', file, '--store', path('contracts')]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/backfill: 3,000 trades/)]);
    expect((await trades('contracts')).map(plain)).toEqual(TRADES.map(plain));
    const again = await mdtoolHere(['backfill', file, '--store', path('contracts')]);
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/backfill: no records/)]);
    const other = archive(`ETHUSDT${DATE}.csv`, contractsCsv(TRADES.slice(half), false).replaceAll('BTCUSDT', 'ETHUSDT'));
    expect(
      (await mdtoolHere(['backfill', other, '--store', path('contracts'), '--until', String(MIDNIGHT + 18 * HOUR)])).code,
    ).toBe(0);
    const eth = (await trades('contracts')).filter(({ symbol }) => symbol === 'ETHUSDT');
    expect(eth).toHaveLength(TRADES.slice(half).filter(({ timestamp }) => timestamp < MIDNIGHT + 18 * HOUR).length);
  });

  it('fills the hole of a captured day and repairs its gap; what was captured stays', async () => {
    const captured = TRADES.map(
      (trade): Trade => ({
        ...trade,
        timestamp: Math.floor(trade.timestamp / 1_000) * 1_000,
        localTimestamp: trade.timestamp + 9_000,
      }),
    );
    const [from, until] = [captured[999] as Trade, captured[2_000] as Trade];
    const gap: Gap = {
      ...identity('linear'),
      type: 'gap',
      timestamp: until.timestamp,
      localTimestamp: (until.localTimestamp as number) - 1,
      channel: 'trade',
      fromTimestamp: from.timestamp,
      untilTimestamp: until.timestamp,
      reason: 'disconnect',
      repaired: 0,
      missing: true,
    };
    const writer = await openStoreWriter(path('hole'), { step: 'test' });
    await writer.write([...captured.slice(0, 1_000), gap, ...captured.slice(2_000)]);
    await writer.close();
    const file = archive(`BTCUSDT${DATE}.csv.gz`, contractsCsv(TRADES, false));
    const { code, stderr } = await mdtoolHere(['backfill', file, '--store', path('hole')]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/1,000 trades, 1 gap/)]);
    const after = await trades('hole');
    expect(after.map(({ id }) => id)).toEqual(TRADES.map(({ id }) => id));
    expect(after.filter(({ localTimestamp }) => localTimestamp === undefined)).toHaveLength(1_000);
  });

  it('of spot, whose numbers begin anew every day, keeps every trade of both days and none that was captured', async () => {
    const csv = (date: string, midnight: number) => {
      const rows = Array.from(
        { length: 500 },
        (_, at) => `${at + 1},${midnight / 1_000 + at * 100_000},${60_000 + at},0.5,${at % 2 === 0 ? 'buy' : 'sell'},0`,
      );
      return archive(`BTCUSDT_${date}.csv.gz`, `id,timestamp,price,volume,side,rpi\n${rows.join('\n')}\n`);
    };
    const at = (number: number) => MIDNIGHT + number * 100 * SECOND;
    const writer = await openStoreWriter(path('spot'), { step: 'test' });
    const live = Array.from(
      { length: 100 },
      (_, n): Trade => ({
        ...identity('spot'),
        timestamp: at(200 + n),
        localTimestamp: at(200 + n) + 5_000,
        id: `22${n}`,
        price: 60_200 + n,
        amount: 0.5,
        side: n % 2 === 0 ? 'buy' : 'sell',
      }),
    );
    await writer.write(live);
    await writer.close();
    const files = [csv(DATE, MIDNIGHT), csv('2026-10-21', MIDNIGHT + DAY)];
    const { code, stderr } = await mdtoolHere(['backfill', ...files, '--store', path('spot')]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/900 trades/)]);
    const after = await trades('spot');
    expect(after).toHaveLength(1_000);
    expect(new Set(after.map(({ timestamp }) => timestamp)).size).toBe(1_000);
    expect((await mdtoolHere(['backfill', ...files, '--store', path('spot')])).stderr).toMatch(/no records/);
  });

  it('by URL; a file that is not there is said and does not keep the next from being read', async () => {
    const server = createServer((request, response) => {
      if (!request.url?.endsWith(`/BTCUSDT${DATE}.csv.gz`)) response.writeHead(404).end();
      else response.end(gzipSync(contractsCsv(TRADES.slice(0, 100), true)));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/trading/BTCUSDT`;
    const { code, stderr } = await mdtoolHere([
      'backfill',
      `${base}/BTCUSDT2026-10-19.csv.gz`,
      `${base}/BTCUSDT${DATE}.csv.gz`,
      '--store',
      path('url'),
    ]);
    expect([code, stderr]).toEqual([5, expect.stringMatching(/BTCUSDT2026-10-19.csv.gz returned 404: no such file/)]);
    expect(await trades('url')).toHaveLength(100);
  });

  it('that break off or have rows that cannot be read end with 3, and are read again', async () => {
    const text = contractsCsv(TRADES, false);
    mkdirSync(path('cut'), { recursive: true });
    const cut = path(`cut/BTCUSDT${DATE}.csv.gz`);
    writeFileSync(cut, gzipSync(text).subarray(0, 20_000));
    const first = await mdtoolHere(['backfill', cut, '--store', path('broken')]);
    expect([first.code, first.stderr]).toEqual([3, expect.stringMatching(/the file is cut off/)]);
    const last = text.lastIndexOf(',Sell,');
    writeFileSync(cut, gzipSync(`${text.slice(0, last)},sold,${text.slice(last + 6)}`));
    const second = await mdtoolHere(['backfill', cut, '--store', path('broken')]);
    expect([second.code, second.stderr]).toEqual([3, expect.stringMatching(/1 row could not be read: expected a side/)]);
    expect(await trades('broken')).toHaveLength(2_999);
    writeFileSync(cut, gzipSync(text));
    const third = await mdtoolHere(['backfill', cut, '--store', path('broken')]);
    expect([third.code, third.stderr]).toEqual([0, expect.stringMatching(/1 trade /)]);
    expect((await trades('broken')).map(plain)).toEqual(TRADES.map(plain));
  });

  it.each([
    [() => archive('trades.csv', 'a,b\n1,2\n'), [], 1, /expected a name with symbol and date/],
    [() => archive(`BTCUSDT${DATE}.csv`, 'a,b\n1,2\n'), [], 1, /expected the columns of an archive of trades, found a, b/],
    [() => archive(`BTCUSDT${DATE}.csv`, ''), [], 1, /is empty/],
    [() => path('files/BTCUSDT2020-01-01.csv.gz'), [], 1, /no such file/],
    [() => archive(`BTCUSDT${DATE}.csv`, ''), ['--plan'], 2, /--plan does not apply to archives/],
    [() => archive(`BTCUSDT${DATE}.csv`, ''), ['-'], 2, /INPUT must be either coverage .* or archives/],
  ])('refuses %#', async (file, more, exit, message) => {
    const { code, stderr } = await mdtoolHere(['backfill', file(), ...more, '--store', path('refused')]);
    expect([code, stderr]).toEqual([exit, expect.stringMatching(message)]);
  });
});
