import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, BookDelta, BookSnapshot, Candle, Gap, Trade } from '../../src/lib/model/records.js';
import { type Finished, finished, mdtool, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { buildWithToy, REGISTRATION, TOY_FILES } from '../support/toy-exchange-app.js';
import { SYMBOL, ToyServer } from '../support/toy-server.js';

const directory = mkdtempSync(join(tmpdir(), 'mdtool-toy-'));
const file = (name: string) => join(directory, name);
const recordsOf = (text: string): AnyRecord[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => decodeRecord(line));
const ofType = <Type extends AnyRecord['type']>(records: readonly AnyRecord[], type: Type) =>
  records.filter((record): record is Extract<AnyRecord, { type: Type }> => record.type === type);

/** Runs a command line with the toy exchange among the others. */
let run: (...args: string[]) => Promise<Finished>;
let runProcess: typeof run;
let server: ToyServer;
let live: Finished;
const CHANNELS = ['--channels', 'trade,book,book_delta', '--depth', '5', '--book-interval', '1ms'];

beforeAll(async () => {
  server = await ToyServer.start();
  buildWithToy(directory);
  const env = {
    MDTOOL_TOY_REST_URL: `http://${server.host}`,
    MDTOOL_TOY_WS_URL: `ws://${server.host}`,
    MDTOOL_TOY_HEARTBEAT_EVERY: '200ms',
    MDTOOL_TOY_SILENCE_LIMIT: '800ms',
  };
  const options = { cwd: directory, root: directory, env };
  run = (...args) => mdtoolHere(args, options);
  runProcess = (...args) => mdtool(args, options);
  const what = ['stream', '--exchange', 'toy', '--market', 'linear', '--symbols', SYMBOL, ...CHANNELS];
  const capture = start([...what, '--tape', file('toy.ndjson'), '-o', file('live.ndjson')], options);
  const ended = finished(capture);
  await Promise.race([server.done, ended]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  capture.kill('SIGINT');
  live = await ended;
});

afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

describe('an exchange of five files and one line', () => {
  it('is that small', () => {
    expect(TOY_FILES.length).toBeLessThanOrEqual(5);
    expect(REGISTRATION.trim().split('\n')).toHaveLength(1);
  });

  it('stands in the help', async () => {
    const { stdout } = await runProcess('stream', '--help');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('Exchanges: bitget, bybit, toy.');
  });

  it('lists its instruments', async () => {
    const { stdout, code } = await run('symbols', '--exchange', 'toy', '--format', 'ndjson');
    expect(code).toBe(0);
    expect(recordsOf(stdout)).toMatchObject([{ exchange: 'toy', symbol: SYMBOL, contractSize: 0.001, ccxt: 'BTC/USDT:USDT' }]);
  });

  it('delivers every trade live, its contracts as amounts of the base asset', () => {
    const trades = ofType(recordsOf(readFileSync(file('live.ndjson'), 'utf8')), 'trade') as Trade[];
    expect(trades.length).toBeGreaterThan(20);
    expect(trades.map(({ id, amount }) => [id, amount])).toEqual(
      server.trades.map(({ id, contracts }) => [id, Number(`${contracts}e-3`)]),
    );
  });

  it('begins its books over REST, and joins them with the updates that arrived meanwhile', () => {
    const records = recordsOf(readFileSync(file('live.ndjson'), 'utf8'));
    const tops = (ofType(records, 'book_snapshot') as BookSnapshot[]).filter(({ depth }) => depth === 5);
    expect(tops.length).toBeGreaterThan(50);
    for (const { sequence, bids, asks } of tops) {
      const known = server.books.get(Number(sequence));
      const top = (side: ReadonlyMap<string, number> | undefined, direction: 1 | -1) =>
        [...(side ?? [])]
          .map(([price, contracts]) => [Number(price), Number(`${contracts}e-3`)] as const)
          .sort(([a], [b]) => (a - b) * direction)
          .slice(0, 5);
      expect({ sequence, bids, asks }).toEqual({ sequence, bids: top(known?.bids, -1), asks: top(known?.asks, 1) });
    }
    // The first whole book was too old, the second began the book, the third mended it after the update that was lost.
    expect(server.bookRequests).toBe(3);
    const deltas = (ofType(records, 'book_delta') as BookDelta[]).map(({ sequence }) => Number(sequence));
    expect(deltas).toEqual([...deltas].sort((a, b) => a - b));
    expect(new Set(deltas).size).toBe(deltas.length);
    expect(deltas.at(-1)).toBe(Math.max(...server.books.keys()));
  });

  it('reports the update that was lost once per channel', () => {
    const gaps = ofType(recordsOf(readFileSync(file('live.ndjson'), 'utf8')), 'gap') as Gap[];
    expect(gaps.map(({ channel, reason, missing }) => [channel, reason, missing])).toEqual([
      ['book', 'sequence', true],
      ['book_delta', 'sequence', true],
    ]);
    expect(live.code, live.stderr).toBe(3);
  });

  it('lives without a text heartbeat: ping frames keep a silent connection', () => {
    expect(server.connections).toBe(1);
    expect(server.pings).toBeGreaterThan(3);
    expect(server.texts.map((text) => (JSON.parse(text) as { op: string }).op)).toEqual(['subscribe']);
  });

  it('replays its tape to the same records', async () => {
    const { code, stderr } = await run('stream', '--replay', file('toy.ndjson'), ...CHANNELS, '-o', file('again.ndjson'));
    expect(code, stderr).toBe(3);
    expect(readFileSync(file('again.ndjson'), 'utf8')).toBe(readFileSync(file('live.ndjson'), 'utf8'));
  });

  it('has candles of its trades', async () => {
    const { stdout, code } = await run('candles', file('live.ndjson'), '--interval', '1s', '-o', '-', '--format', 'ndjson');
    expect(code).toBe(0);
    const candles = ofType(recordsOf(stdout), 'candle') as Candle[];
    const contracts = server.trades.reduce((sum, trade) => sum + trade.contracts, 0);
    expect(candles.reduce((sum, { volume }) => sum + (volume ?? 0), 0)).toBeCloseTo(contracts / 1_000, 9);
    expect(candles.every(({ symbol }) => symbol === SYMBOL)).toBe(true);
  });

  it.each<[string, string[], RegExp]>([
    ['tiers', ['grid', 'plan', '--price', '100', '--deposit', '100'], /toy has no maintenance tiers: give --maintenance-rate/],
    ['a last price', ['grid', 'plan', '--maintenance-rate', '0.5%', '--deposit', '100'], /toy has no last price: give --price/],
    ['history', ['backfill', '--channels', 'trade', '--since', '1h'], /Toy has no trade history on linear/],
    ['polling', ['stream', '--channels', 'none', '--poll', 'funding'], /toy has no polling: leave out --poll/],
    ['tickers', ['stream', '--channels', 'ticker'], /toy has no ticker: it has trade, book, book_delta/],
  ])('names %s, which it lacks, and ends with 2', async (_, command, message) => {
    const where = ['--exchange', 'toy', '--market', 'linear', '--symbols', SYMBOL];
    const { code, stderr } = await run(...command, ...where);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });
});
