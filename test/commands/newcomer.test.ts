import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AnyRecord } from '../../src/lib/model/records.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { fixture } from '../support/frames.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { tradeRecord } from '../support/records.js';

const folder = mkdtempSync(join(tmpdir(), 'newcomer-'));
const TAPE = fixture('bybit-v5.tape.ndjson.gz');

/** A store of two symbols, an empty directory, and a configuration with a misspelled key. */
beforeAll(async () => {
  const writer = await openStoreWriter(join(folder, 'data'), { step: 'stream', onWarning: () => {} });
  const trades: AnyRecord[] = ['BTCUSDT', 'ETHUSDT'].flatMap((symbol) =>
    [1, 2, 3].map((n) =>
      tradeRecord({ symbol, id: `${symbol}-${n}`, price: 100 + n, timestamp: tradeRecord().timestamp + n * 1_000_000 }),
    ),
  );
  await writer.write(trades.map((trade, index) => ({ ...trade, localTimestamp: trade.timestamp + index + 1 }) as AnyRecord));
  await writer.close();
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'wrong.toml'), 'intervall = "1m"\n');
  writeFileSync(join(folder, 'notes.txt'), 'hello\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a newcomer types, the exit code, and how the first line of the answer begins: of stdout, else of stderr. */
const SCRIPT: readonly (readonly [line: string, code: number, first: string | RegExp])[] = [
  ['--help', 0, /^\S.*/],
  ['stream --help', 0, 'Capture live market data, or replay recorded tapes.'],
  ['help flags', 0, 'Flags that every command has'],
  ['help candels', 2, 'mdtool: no help on "candels"; did you mean candles?'],
  ['candels', 2, 'mdtool: unknown command "candels"; did you mean candles?'],
  ['help grid pln', 2, 'mdtool: no help on "grid pln"; did you mean grid plan?'],
  ['stream', 2, 'mdtool: missing --exchange and --market (or --replay TAPE)'],
  ['stream --exchange bitgte --market linear', 2, /expected one of bitget, bybit, was "bitgte"; did you mean bitget\?$/],
  ['stream --exchange bitget --market lineer', 2, /was "lineer"; did you mean linear\?$/],
  ['stream --exchange bybit --market linear --symbols SOL/USDT', 2, /is a spot symbol; did you mean SOLUSDT on linear\?$/],
  ['features --html page.html', 2, 'mdtool: --html needs --plot; see mdtool features --help'],
  ['import --from nowhere -o store', 2, /^mdtool: no store in .*nowhere/],
  ['stream --exchange bitget --market linear --channels trades', 2, /was "trades"; did you mean trade\?$/],
  ['stream --exchange bitget --market linear --channels orderbook', 2, /was "orderbook"; did you mean book\?$/],
  ['stream --exchange bitget --market linear --channels kline', 2, /was "kline"; did you mean candle\?$/],
  ['stream --exchange bitget --market linear --chanels trade', 2, 'mdtool: unknown flag --chanels; did you mean --channels?'],
  ['stream --exchange bitget --market linear --channels candle', 2, /needs --interval, such as 1m,15m$/],
  ['backfill --exchange bybit --market linear --channels ohlcv', 2, /was "ohlcv"; did you mean candle\?$/],
  [`symbols --replay ${TAPE} --format csv`, 0, 'exchange,market,symbol,'],
  [`stream --replay ${TAPE} --symbols BTCUSDT -o none`, 0, /^stream: [\d,]+ trades/],
  ['query', 0, /"view":"trade"|trade/],
  ['query "select count(*)::int as n from trade"', 0, '{"n":6}'],
  ['query "select 1 as n" --store nowhere', 0, '{"n":1}'],
  ['query "select * from trade" --store nowhere', 2, /^mdtool: no store in .*nowhere: there is no such directory/],
  ['query "select * from trades"', 1, 'mdtool: no view "trades"; did you mean trade?'],
  ['query "select symbol, prize from trade"', 1, /prize.*price/],
  ['query "select symbol from trade limit 1" --format tsv', 0, 'symbol'],
  ['candles --interval 1min', 2, /was "1min"; did you mean 1m\?$/],
  ['candles --interval 1s -o - --format jsonl', 0, '{"type":"candle"'],
  ['candles --interval 1s -o - --format tsv', 0, 'exchange\tmarket\tsymbol\t'],
  ['candles --interval 1s -o - --format jsonn', 2, /was "jsonn"; did you mean json or jsonl\?$/],
  ['candles --symbols BTCUSTD -o -', 2, /^mdtool: unknown symbol BTCUSTD: .* no records of it; did you mean BTCUSDT\?$/],
  ['candles --symbols BTC', 2, /^mdtool: unknown symbol BTC: .*; did you mean BTCUSDT\?$/],
  ['features --symbols eth-usd -o -', 2, /^mdtool: unknown symbol eth-usd: .*; did you mean ETHUSDT\?$/],
  ['verify --symbols SOLUSDT', 2, /^mdtool: unknown symbol SOLUSDT/],
  ['candles --store nowhere', 2, /^mdtool: no store in .*nowhere/],
  ['signals --store nowhere', 2, /^mdtool: no store in .*nowhere/],
  ['compact --store nowhere', 2, /^mdtool: no store in .*nowhere/],
  ['verify --store empty', 0, 'verify: no records in '],
  ['candles --store empty', 0, 'mdtool: warning: empty: the store is empty; mdtool stream fills it'],
  ['candles notes.txt', 2, /notes\.txt/],
  ['candles --since yesterday', 2, /expected an ISO 8601 time/],
  ['verify --tz Europe/Berln', 2, /was "Europe\/Berln"; did you mean Europe\/Berlin/],
  ['verify --config wrong.toml', 2, 'mdtool: wrong.toml: unknown key intervall; did you mean interval?'],
  ['verify', 0, '{"type":"coverage"'],
];

it('answers forty lines of a newcomer, each with one clear first line', async () => {
  expect(SCRIPT.length).toBeGreaterThanOrEqual(40);
  for (const [line, code, first] of SCRIPT) {
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const answer = await mdtoolHere(words, { cwd: folder });
    const text = answer.stdout === '' ? answer.stderr : answer.stdout;
    const [begin = ''] = text.split('\n');
    const expected = typeof first === 'string' ? expect.stringContaining(first) : expect.stringMatching(first);
    expect([line, answer.code, begin]).toEqual([line, code, expected]);
    if (answer.code === 2) expect(answer.stderr.trim().split('\n'), line).toHaveLength(1);
  }
}, 120_000);
