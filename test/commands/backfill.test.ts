import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, Gap, RecordType, Trade } from '../../src/lib/model/records.js';
import { DAY, HOUR, MINUTE } from '../../src/lib/model/time.js';
import { readStore } from '../../src/lib/storage/reading/store-reader.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../support/exchange-server/index.js';
import { expectObedient } from '../support/exchange-server/obedient.js';
import { finished, mdtool, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const directory = mkdtempSync(join(tmpdir(), 'backfill-'));
const path = (name: string) => join(directory, name);
const servers: ExchangeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The exchange as it is now, with two days of trades. */
async function serve(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, {
    symbols: { linear: 1, spot: 1 },
    strangers: false,
    history: { trades: 8_000, duration: (2 * DAY) / 1_000 },
    ...options,
  });
  servers.push(server);
  return server;
}

async function stored<Type extends RecordType>(store: string, type: Type): Promise<Extract<AnyRecord, { type: Type }>[]> {
  const records: AnyRecord[] = [];
  for await (const batch of readStore(path(store), { types: [type] })) records.push(...batch);
  return records as Extract<AnyRecord, { type: Type }>[];
}

/** Whole seconds, so that Bitget's times fall on the same side as the truth. */
const now = Math.floor(Date.now() / 1_000) * 1_000_000;
const iso = (time: number) => String(time);
const BITGET = ['backfill', '--exchange', 'bitget', '--market', 'linear', '--symbols', 'BTCUSDT'];
const BYBIT = ['backfill', '--exchange', 'bybit', '--market', 'linear', '--symbols', 'BTCUSDT'];

function truthOf(server: ExchangeServer, from: number, until: number) {
  return server.trades('linear', 'BTCUSDT').filter(({ time }) => time * 1_000 >= from && time * 1_000 < until);
}

describe('backfill', () => {
  it('killed three times and resumed gives exactly the history of the exchange, and another run changes nothing', async () => {
    const server = await serve('bitget', { history: { trades: 12_000, duration: (2 * DAY) / 1_000 } });
    const [since, until] = [now - 2 * DAY + HOUR, now - HOUR];
    const channels = ['--channels', 'trade,candle,funding,mark_price', '--interval', '1m'];
    const args = [...BITGET, ...channels, '--since', iso(since), '--until', iso(until), '--store', path('killed')];
    let before = 0;
    for (let kill = 0; kill < 3; kill++) {
      const child = start(args, { env: server.environment });
      const ended = finished(child);
      const requests = server.requests;
      while (server.requests < requests + 4) await new Promise((resolve) => setTimeout(resolve, 10));
      child.kill('SIGKILL');
      await ended;
      const count = (await stored('killed', 'trade')).length;
      expect(count).toBeGreaterThanOrEqual(before);
      before = count;
    }
    const { code, stderr } = await mdtool(args, { env: server.environment });
    expect([code, stderr.match(/warning.*/g)?.filter((line) => !/recovered/.test(line)) ?? []]).toEqual([0, []]);
    const truth = truthOf(server, since, until);
    const trades = await stored('killed', 'trade');
    expect(truth.length).toBeGreaterThan(5_000);
    expect(trades.map(({ id }) => id).sort()).toEqual(truth.map(({ id }) => id).sort());
    const byId = new Map(trades.map((trade) => [trade.id, trade]));
    const wrong = truth.filter(({ id, price, size, side, time }) => {
      const trade = byId.get(id) as Trade;
      const isSame = trade.price === Number(price) && trade.amount === Number(size) && trade.side === side;
      return !isSame || trade.timestamp !== Math.floor(time / 1_000) * 1e6 || trade.localTimestamp !== undefined;
    });
    expect(wrong).toEqual([]);
    const minutes = Array.from(
      { length: Math.floor((until - Math.ceil(since / MINUTE) * MINUTE) / MINUTE) },
      (_, at) => Math.ceil(since / MINUTE) * MINUTE + at * MINUTE,
    );
    expect((await stored('killed', 'candle')).map(({ timestamp }) => timestamp)).toEqual(minutes);
    expect((await stored('killed', 'mark_price')).map(({ timestamp }) => timestamp)).toEqual(minutes);
    expect((await stored('killed', 'funding')).every(({ settled }) => settled)).toBe(true);
    expectObedient(server);

    const asked = server.requests;
    const again = await mdtoolHere(args, { env: server.environment });
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/nothing to fetch\nbackfill: no records/)]);
    // The empty page at the end is asked for twice.
    expect(server.requests - asked).toBeLessThanOrEqual(3);
    expect(await stored('killed', 'trade')).toHaveLength(truth.length);
  }, 60_000);

  it('goes on with what has come since, and leaves the candle that is being formed to the next run', async () => {
    const server = await serve('bybit');
    const args = [
      ...BYBIT,
      '--channels',
      'candle,open_interest',
      '--interval',
      '1m,1h',
      '--since',
      iso(now - DAY),
      '--store',
      path('tail'),
    ];
    expect((await mdtoolHere(args, { env: server.environment })).code).toBe(0);
    const candles = await stored('tail', 'candle');
    const at = Date.now() * 1_000;
    expect(
      candles.filter(({ closed, timestamp, interval }) => !closed || timestamp + (interval === '1h' ? HOUR : MINUTE) > at),
    ).toEqual([]);
    const { stderr, code } = await mdtoolHere(args, { env: server.environment });
    expect(code).toBe(0);
    expect(Number(/(\d+) candle/.exec(stderr)?.[1] ?? 0)).toBeLessThanOrEqual(1);
    expectObedient(server);
  });

  it('repairs a recorded gap when the trades fetched meet what is known at both ends', async () => {
    const server = await serve('bitget');
    const truth = truthOf(server, now - 3 * HOUR, now - HOUR);
    const trades = truth.map((trade): Trade => {
      const { id, price, size, side, time } = trade;
      const identity = { exchange: 'bitget', market: 'linear', symbol: 'BTCUSDT' } as const;
      return {
        type: 'trade',
        ...identity,
        timestamp: time * 1_000,
        localTimestamp: time * 1_000 + 7,
        id,
        price: Number(price),
        amount: Number(size),
        side,
        sequence: id,
      };
    });
    const [a, b] = [Math.floor(trades.length / 3), Math.floor((2 * trades.length) / 3)];
    const [from, until] = [trades[a - 1] as Trade, trades[b] as Trade];
    const gap: Gap = {
      type: 'gap',
      exchange: 'bitget',
      market: 'linear',
      symbol: 'BTCUSDT',
      timestamp: until.timestamp,
      localTimestamp: until.timestamp + 5,
      channel: 'trade',
      fromTimestamp: from.timestamp,
      untilTimestamp: until.timestamp,
      reason: 'disconnect',
      repaired: 0,
      missing: true,
    };
    const writer = await openStoreWriter(path('gap'), { step: 'test' });
    await writer.write([...trades.slice(0, a), gap, ...trades.slice(b)]);
    await writer.close();
    const range = [
      '--since',
      iso(trades[0]?.timestamp as number),
      '--until',
      iso(trades.at(-1)?.timestamp as number),
      '--store',
      path('gap'),
    ];
    const plan = await mdtoolHere([...BITGET, ...range, '--plan'], { env: server.environment });
    expect(
      plan.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { channel: 'trade', from_timestamp: from.timestamp, until_timestamp: until.timestamp, holes: 1, note: 'at least' },
    ]);
    const { code, stderr } = await mdtoolHere([...BITGET, ...range], { env: server.environment });
    expect([code, stderr]).toEqual([0, expect.stringMatching(new RegExp(`${b - a} trades, 1 gap`))]);
    const after = await stored('gap', 'trade');
    expect(after.map(({ id }) => id).sort()).toEqual(trades.map(({ id }) => id).sort());
    expect(
      (await stored('gap', 'gap')).map(({ missing, reason, fromTimestamp, untilTimestamp }) => [
        missing,
        reason,
        fromTimestamp,
        untilTimestamp,
      ]),
    ).toEqual([
      [true, 'disconnect', from.timestamp, until.timestamp],
      [false, 'disconnect', from.timestamp, until.timestamp],
    ]);
    const candles = await mdtoolHere(['candles', '--interval', '1m', '--store', path('gap'), '-o', '-', '--fail-on-gaps']);
    expect(candles.code).toBe(0);
    expect((await mdtoolHere([...BITGET, ...range], { env: server.environment })).stderr).toMatch(/nothing to fetch/);
  });

  describe('of a capture that was cut off', () => {
    const identity = { exchange: 'bitget', market: 'linear', symbol: 'BTCUSDT' } as const;
    const tradesOf = (server: ExchangeServer, from: number, until: number) =>
      truthOf(server, from, until).map(({ id, price, size, side, time }): Trade => {
        const times = { timestamp: time * 1_000, localTimestamp: time * 1_000 + 7 };
        return { type: 'trade', ...identity, ...times, id, price: Number(price), amount: Number(size), side, sequence: id };
      });
    const cutOff = (from: number, until: number): Gap => {
      const span = { timestamp: until, localTimestamp: until + 5, fromTimestamp: from, untilTimestamp: until };
      return { type: 'gap', ...identity, ...span, channel: 'trade', reason: 'disconnect', repaired: 0, missing: true };
    };
    const write = async (store: string, records: readonly AnyRecord[]) => {
      const writer = await openStoreWriter(path(store), { step: 'test' });
      await writer.write(records);
      await writer.close();
    };
    /** What `verify` finds is filled; resolves with the verdicts of the trades before and after. */
    const fill = async (server: ExchangeServer, store: string) => {
      const verify = () => mdtoolHere(['verify', '--store', path(store), '--channels', 'trade', '--format', 'ndjson']);
      const found = await verify();
      await mdtoolHere(['backfill', '-', '--store', path(store)], { input: found.stdout, env: server.environment });
      return [found.code, (await verify()).code];
    };

    it('the hole at its end is one no more once the exchange has told all of it', async () => {
      const server = await serve('bitget');
      const [end, until] = [now - 30 * MINUTE, now - 10 * MINUTE];
      const before = tradesOf(server, now - 2 * HOUR, end);
      await write('cut off', [...before, cutOff(before.at(-1)?.timestamp as number, until)]);
      expect(await fill(server, 'cut off')).toEqual([3, 0]);
      const missed = truthOf(server, end, until);
      expect(missed.length).toBeGreaterThan(5);
      expect(await stored('cut off', 'trade')).toHaveLength(before.length + missed.length);
    });

    it('the hole stays where it ended just now and nothing is known after it: the exchange may still add to it', async () => {
      const server = await serve('bitget');
      const before = tradesOf(server, now - 2 * HOUR, now - 30 * MINUTE);
      const until = Math.ceil(Date.now() / 1_000) * 1_000_000;
      await write('just now', [...before, cutOff(before.at(-1)?.timestamp as number, until)]);
      expect(await fill(server, 'just now')).toEqual([3, 3]);
      const missed = truthOf(server, now - 30 * MINUTE, until).length;
      expect(await stored('just now', 'trade')).toHaveLength(before.length + missed);
    });

    it('the hole is none either where nothing was stored before it', async () => {
      const server = await serve('bitget');
      await write('at once', [cutOff(now - 30 * MINUTE + 1, now - 10 * MINUTE)]);
      expect(await fill(server, 'at once')).toEqual([3, 0]);
    });

    it('the hole stays where the answer lacks the trade right before it, although it has one of the same second', async () => {
      const server = await serve('bitget');
      const before = tradesOf(server, now - 2 * HOUR, now - 30 * MINUTE);
      const last = before.at(-1) as Trade;
      const stranger = { ...last, id: '1', sequence: '1', timestamp: last.timestamp + 1 };
      await write('stranger', [...before, stranger, cutOff(stranger.timestamp, now - 10 * MINUTE)]);
      expect(await fill(server, 'stranger')).toEqual([3, 3]);
    });
  });

  it('leaves a gap that the exchange cannot fill, and says so with 3', async () => {
    const server = await serve('bybit');
    const all = server.trades('linear', 'BTCUSDT');
    const [first, second] = [all.at(-3_000), all.at(-500)];
    const trade = ({ id, time, price, size, side }: NonNullable<typeof first>): Trade => ({
      type: 'trade',
      exchange: 'bybit',
      market: 'linear',
      symbol: 'BTCUSDT',
      timestamp: time * 1_000,
      localTimestamp: time * 1_000 + 9,
      id,
      price: Number(price),
      amount: Number(size),
      side,
    });
    const records = [first, second].map((each) => trade(each as NonNullable<typeof first>));
    const [from, until] = records.map(({ timestamp }) => timestamp) as [number, number];
    const gap: Gap = {
      type: 'gap',
      exchange: 'bybit',
      market: 'linear',
      symbol: 'BTCUSDT',
      timestamp: until,
      localTimestamp: until + 5,
      channel: 'trade',
      fromTimestamp: from,
      untilTimestamp: until,
      reason: 'stale',
      repaired: 0,
      missing: true,
    };
    const writer = await openStoreWriter(path('unfillable'), { step: 'test' });
    await writer.write([records[0] as Trade, gap, records[1] as Trade]);
    await writer.close();
    const { code, stderr } = await mdtoolHere([...BYBIT, '--until', iso(until), '--store', path('unfillable')], {
      env: server.environment,
    });
    expect(code).toBe(3);
    expect(stderr).toMatch(/bybit linear BTCUSDT trade: .* is unavailable: Bybit serves only the newest 1000 trades/);
    expect((await stored('unfillable', 'gap')).map(({ missing }) => missing)).toEqual([true]);
    // What could be had is there: the newest thousand, of which 500 were before the end.
    expect((await stored('unfillable', 'trade')).length).toBeGreaterThan(490);
  });

  it('fills exactly the holes that coverage tells, whatever was fetched before', async () => {
    const server = await serve('bitget');
    const range = ['--since', iso(now - 12 * HOUR), '--until', iso(now - 6 * HOUR), '--store', path('coverage')];
    await mdtoolHere([...BITGET, ...range], { env: server.environment });
    const before = (await stored('coverage', 'trade')).length;
    const hour = Math.floor(now / HOUR) * HOUR - 5 * HOUR;
    const coverage = (channel: string, from: number, until: number, more: object = {}) => {
      const counts = { records: 0, duplicates: 0, outOfOrder: 0, gaps: 0 };
      const identity = { exchange: 'bitget', market: 'linear', symbol: 'BTCUSDT', timestamp: until } as const;
      return encodeRecord({
        type: 'coverage',
        ...identity,
        channel,
        fromTimestamp: from,
        untilTimestamp: until,
        ...counts,
        verdict: 'hole',
        ...more,
      } as AnyRecord);
    };
    const lines = [
      coverage('trade', now - 13 * HOUR, now - 11 * HOUR),
      coverage('trade', now - 30 * HOUR, now - 29 * HOUR, { verdict: 'whole' }),
      coverage('candle_exchange_1m', hour - HOUR, hour),
      coverage('book', now - 13 * HOUR, now - 12 * HOUR),
      coverage('candle_1m', now - 13 * HOUR, now - 12 * HOUR),
    ];
    const { code, stderr } = await mdtoolHere(['backfill', '-', '--store', path('coverage')], {
      env: server.environment,
      input: `${lines.join('\n')}\n`,
    });
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/1 gap of book cannot be filled: .*\n.*1 gap of candle_1m .*: mdtool candles builds them/),
    ]);
    const after = await stored('coverage', 'trade');
    expect(after.length).toBe(before + truthOf(server, now - 13 * HOUR, now - 12 * HOUR).length);
    expect(new Set(after.map(({ id }) => id)).size).toBe(after.length);
    expect(await stored('coverage', 'candle')).toHaveLength(60);
    writeFileSync(path('verify.ndjson'), `${lines[0]}\n`);
    expect(
      (await mdtoolHere(['backfill', path('verify.ndjson'), '--store', path('coverage')], { env: server.environment })).code,
    ).toBe(0);
    expect(await stored('coverage', 'trade')).toHaveLength(after.length);
  });

  it('says what it asked for and what the exchange gave, and verify shows the rest as not covered', async () => {
    const server = await serve('bitget', { history: { trades: 300, duration: (85 * MINUTE) / 1_000 } });
    const at = path('short');
    const args = [...BITGET, '--channels', 'trade', '--since', '3d', '--store', at];
    const first = await mdtoolHere(args, { env: server.environment });
    expect([first.code, first.stderr]).toEqual([3, expect.stringMatching(/Z is unavailable: the answers do not show/)]);
    const { stdout, code } = await mdtoolHere(['verify', '--store', at]);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([code, rows.map(({ verdict, records }) => [verdict, records > 0])]).toEqual([
      0,
      [...Array(rows.length - 1).fill(['whole', true]), ['suspect', false]],
    ]);
    const rest = rows.at(-1);
    expect(rest.detail).toMatch(/^not covered: backfill asked for it, and the exchange gave nothing between .* \(2d 22h\)$/);
    expect(rest.until_timestamp).toBe(rows[0].from_timestamp);
    const later = ['--since', String(rest.until_timestamp + 1)];
    expect((await mdtoolHere(['verify', '--store', at, ...later])).stdout).not.toContain('not covered');
    // A run knows nothing of the requests of the one before it: within the same second they break the limit together.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const again = await mdtoolHere(args, { env: server.environment });
    expect([again.code, again.stderr]).toEqual([
      3,
      expect.stringMatching(/the answers do not show that nothing is missing there/),
    ]);
  });

  it('gives records in order to other outputs, and leaves the store alone', async () => {
    const server = await serve('bitget');
    const range = ['--since', iso(now - 3 * HOUR), '--until', iso(now - HOUR), '-o', '-', '--store', path('untouched')];
    const { code, stdout } = await mdtoolHere([...BITGET, ...range], { env: server.environment });
    expect(code).toBe(0);
    const trades = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; timestamp: number });
    expect(trades.map(({ id }) => id)).toEqual(truthOf(server, now - 3 * HOUR, now - HOUR).map(({ id }) => id));
    expect(await stored('untouched', 'trade')).toEqual([]);
  });

  it('waits out faults on the way, and ends with 5 when the exchange goes away, keeping what came', async () => {
    const server = await serve('bitget', { history: { trades: 20_000, duration: (2 * DAY) / 1_000 } });
    server.faults.http({ kind: 'cut' }, { times: 2, path: /fills-history/ });
    server.faults.http(
      { kind: 'answer', status: 400, body: '{"code":"45001","msg":"Unknown error"}' },
      { path: /fills-history/ },
    );
    const range = ['--since', iso(now - DAY), '--until', iso(now - HOUR)];
    expect((await mdtoolHere([...BITGET, ...range, '--store', path('faults')], { env: server.environment })).code).toBe(0);
    expect(await stored('faults', 'trade')).toHaveLength(truthOf(server, now - DAY, now - HOUR).length);
    expectObedient(server);
    server.faults.http(
      { kind: 'answer', status: 400, body: '{"code":"40034","msg":"Parameter BTCUSDT does not exist"}' },
      { times: 9, path: /fills-history/ },
    );
    const refused = await mdtoolHere(
      [...BITGET, '--since', iso(now - 2 * DAY), '--until', iso(now - DAY), '--store', path('refused')],
      { env: server.environment },
    );
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringMatching(/bitget linear BTCUSDT trade: .*40034/)]);
  });
});

describe('backfill refuses', () => {
  it.each([
    [['--exchange', 'bitget'], /missing --market/],
    [
      ['--exchange', 'bitget', '--market', 'linear', '--channels', 'book'],
      /expected trade, candle, funding, open_interest, mark_price, was "book"/,
    ],
    [['--exchange', 'bitget', '--market', 'linear', '--channels', 'candle'], /needs --interval, such as 1m,1h/],
    [['--exchange', 'bitget', '--market', 'linear', '--interval', '1m'], /--interval needs --channels candle/],
    [
      ['--exchange', 'bitget', '--market', 'linear', '--channels', 'open_interest', '--since', '1d'],
      /Bitget has no open_interest history on linear: capture it/,
    ],
    [
      ['--exchange', 'bybit', '--market', 'spot', '--channels', 'funding', '--since', '1d'],
      /Bybit has no funding history on spot/,
    ],
    [
      ['--exchange', 'bybit', '--market', 'linear', '--channels', 'candle', '--interval', '1s'],
      /Bybit has no 1s candles; it has 1m, 3m/,
    ],
  ])('%s', async (args, message) => {
    const { code, stderr } = await mdtoolHere(['backfill', ...args, '--store', path('none')]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it('a beginning that nothing tells, and a symbol that is not listed', async () => {
    const server = await serve('bitget');
    const nothing = await mdtoolHere([...BITGET, '--store', path('empty')], { env: server.environment });
    expect([nothing.code, nothing.stderr]).toEqual([
      2,
      expect.stringMatching(/missing --since: the store has no records of bitget linear BTCUSDT trade/),
    ]);
    const args = ['backfill', '--exchange', 'bitget', '--market', 'linear', '--symbols', 'NOPEUSDT', '--since', '1d', '--plan'];
    expect((await mdtoolHere(args, { env: server.environment })).code).toBe(2);
  });
});
