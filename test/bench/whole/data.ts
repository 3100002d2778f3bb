import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { seeded } from '../../support/random.js';

const START = Date.parse('2026-09-01T00:00:00Z') * 1000;
const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT'];
const DAYS = 2.5;

/** How much data a run measures: all of it, or a tenth. */
export type Size = 'full' | 'quick';

/** Writes the input of the rows into `folder`, the same for every run. */
export async function writeData(folder: string, size: Size): Promise<void> {
  const share = size === 'full' ? 1 : 0.1;
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '4GB' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const run = (sql: string) => connection.run(sql);
  await run(`CREATE TABLE trade AS ${tradeSelect(5_000_000 * share)}`);
  const parquet = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768, KV_METADATA {mdtool_type: 'trade'})";
  await run(
    `COPY (SELECT * FROM trade ORDER BY symbol, timestamp, sequence, local_timestamp, id) TO '${join(folder, 'trades.parquet')}' ${parquet}`,
  );
  const first = `FROM trade ORDER BY timestamp, sequence, local_timestamp, id LIMIT ${200_000 * share}`;
  const integers = 'epoch_us(timestamp) AS timestamp, epoch_us(local_timestamp) AS local_timestamp, id, price, amount, side';
  await run(
    `COPY (SELECT exchange, market, symbol, ${integers}, sequence ${first}) TO '${join(folder, 'trades.csv.gz')}' (HEADER)`,
  );
  await run(
    `COPY (SELECT type, exchange, market, symbol, ${integers}, sequence::VARCHAR AS sequence ${first}) TO '${join(folder, 'trades.ndjson')}' (FORMAT json)`,
  );
  await run(`CREATE TABLE candle AS ${candleSelect(1_000_000 * share)}`);
  await run(`COPY candle TO '${join(folder, 'candles.parquet')}' (FORMAT parquet, COMPRESSION zstd)`);
  await run(
    `COPY (SELECT * REPLACE (epoch_us(timestamp) AS timestamp) FROM candle) TO '${join(folder, 'candles.csv')}' (HEADER)`,
  );
  for (const [type, select] of Object.entries(secondSelects(share))) {
    const file = join(folder, `day-${type}`);
    await run(`COPY (${select}) TO '${file}.parquet' (FORMAT parquet, COMPRESSION zstd, KV_METADATA {mdtool_type: '${type}'})`);
    await run(`COPY (${flatSelect(type, `'${file}.parquet'`)}) TO '${file}.csv' (HEADER)`);
  }
  for (const [type, select] of Object.entries(bookSelects(1_100_000 * share))) {
    const options = `(FORMAT parquet, COMPRESSION zstd, KV_METADATA {mdtool_type: '${type}'})`;
    await run(`COPY (${select}) TO '${join(folder, `books-${type}.parquet`)}' ${options}`);
  }
  connection.closeSync();
  instance.closeSync();
  await writeTape(join(folder, 'tape.ndjson'), 300_000 * share);
}

/** Half of the trades share their time with another; of these a third share the sequence too. */
function tradeSelect(trades: number): string {
  const each = trades / SYMBOLS.length;
  const step = (DAYS * 86_400_000) / each;
  const names = SYMBOLS.map((symbol) => `'${symbol}'`).join(', ');
  return `WITH drawn AS (SELECT s, i, hash(i, s) AS h, i - (hash(i, s, 1) % 2)::BIGINT AS t FROM range(${each}) r(i), range(${SYMBOLS.length}) q(s)),
    timed AS (SELECT *, ${START} + floor((greatest(t, 0) + (hash(greatest(t, 0), s, 2) % 900) / 1000) * ${step})::BIGINT * 1000 AS us FROM drawn)
    SELECT 'trade' AS type, 'bybit' AS exchange, 'linear' AS market, [${names}][s + 1] AS symbol, make_timestamptz(us) AS timestamp,
      make_timestamptz(us + 20000 + (h % 60000)::BIGINT) AS local_timestamp,
      printf('%08x-%04x-%04x-%012x', (h % 4294967296)::BIGINT, ((h // 4294967296) % 65536)::BIGINT, s, i) AS id,
      round(60000 + 1000 * sin(i / 50000) + (h % 1000) / 10, 1) AS price, ((h // 1000) % 5000 + 1) / 1000 AS amount,
      CASE WHEN h % 2 = 0 THEN 'buy' ELSE 'sell' END AS side, (9000000000 + i - i % 3)::BIGINT AS sequence FROM timed`;
}

function candleSelect(candles: number): string {
  const price = (step: string) => `round(50000 + 4000 * sin((${step}) / 9000) + (hash(${step}) % 2000) / 100, 2)`;
  return `WITH moved AS (SELECT i, ${price('i')} AS open, ${price('i + 1')} AS close, hash(i, 7) AS h FROM range(${candles}) r(i))
    SELECT 'candle' AS type, 'bybit' AS exchange, 'linear' AS market, 'BTCUSDT' AS symbol,
      make_timestamptz(${START} + i * 60000000) AS timestamp, '1m' AS interval, open, round(greatest(open, close) + (h % 1500) / 100, 2) AS high,
      round(least(open, close) - (h % 1300) / 100, 2) AS low, close, ((h // 7) % 900000 + 1) / 1000 AS volume, 'trades' AS source,
      true AS closed FROM moved ORDER BY i`;
}

/** The inputs of features of one symbol and day: 392,000 trades, and each second a book, a ticker and a mark price. */
function secondSelects(share: number): Record<string, string> {
  const seconds = Math.round(86_400 * share);
  const identity = (type: string) => `'${type}' AS type, 'bybit' AS exchange, 'linear' AS market, 'BTCUSDT' AS symbol`;
  const times = (us: string) => `make_timestamptz(${us}) AS timestamp, make_timestamptz((${us}) + 40000) AS local_timestamp`;
  const second = (offset: number) => times(`${START} + i * 1000000 + ${offset}`);
  const price = '60000 + 500 * sin(i / 4000) + (hash(i) % 200) / 10';
  const side = (sign: string, salt: number) =>
    `[[round(${price} ${sign} (0.1 + level / 10), 1), (hash(i, level, ${salt}) % 9000 + 1) / 1000] FOR level IN range(15)]`;
  const trades = Math.round(392_000 * share);
  const us = `${START} + i * ${Math.floor((seconds * 1_000_000) / trades / 1000) * 1000} - (hash(i, 3) % 2)::BIGINT * 1000`;
  return {
    trade: `SELECT ${identity('trade')}, ${times(us)}, printf('%08x-82bc-50de-be60-%012x', (hash(i) % 4294967296)::BIGINT, i) AS id,
      round(60000 + 500 * sin(i / 18000) + (hash(i, 5) % 200) / 10, 1) AS price, (hash(i, 6) % 5000 + 1) / 1000 AS amount,
      CASE WHEN hash(i, 7) % 2 = 0 THEN 'buy' ELSE 'sell' END AS side, (9000000000 + i)::BIGINT AS sequence FROM range(1, ${trades}) r(i) ORDER BY timestamp, sequence`,
    book_snapshot: `SELECT ${identity('book_snapshot')}, ${second(300_000)}, ${side('-', 1)} AS bids, ${side('+', 2)} AS asks FROM range(${seconds}) r(i)`,
    ticker: `SELECT ${identity('ticker')}, ${second(500_000)}, ${price} AS last FROM range(${seconds}) r(i)`,
    mark_price: `SELECT ${identity('mark_price')}, ${second(500_000)}, ${price} + (hash(i, 8) % 100) / 10 AS mark, ${price} AS index FROM range(${seconds}) r(i)`,
    open_interest: `SELECT ${identity('open_interest')}, ${second(500_000)}, 50000 + (hash(i, 9) % 1000)::DOUBLE AS amount FROM range(0, ${seconds}, 5) r(i)`,
    funding: `SELECT ${identity('funding')}, ${second(500_000)}, 0.0001 AS rate FROM range(0, ${seconds}, 10) r(i)`,
  };
}

/** Deltas of the books of 20 symbols, 50 a second each with up to 8 of 100 levels, and the snapshot before the first of each. */
function bookSelects(deltas: number): Record<string, string> {
  const fields = (type: string) =>
    `'${type}' AS type, 'bybit' AS exchange, 'linear' AS market, 'SYM' || s || 'USDT' AS symbol, make_timestamptz(${START} + i * 20000) AS timestamp,
     make_timestamptz(${START} + i * 20000 + 40000 + s) AS local_timestamp, (1000 + i)::BIGINT AS sequence`;
  const levels = (sign: string, step: string, salt: number, count: string) =>
    `[[round(60000 ${sign} (1 + ${step}) / 10, 1), (hash(i, s, level, ${salt}) % 9000 + 1) / 1000] FOR level IN range(${count})]`;
  const changed = (sign: string, salt: number) =>
    levels(sign, `hash(i, s, level, ${salt + 10}) % 50`, salt, `(hash(i, s, ${salt}) % 5)::BIGINT`);
  return {
    book_snapshot: `SELECT ${fields('book_snapshot')}, ${levels('-', 'level', 1, '50')} AS bids, ${levels('+', 'level', 2, '50')} AS asks
      FROM range(1) r(i), range(20) q(s)`,
    book_delta: `SELECT ${fields('book_delta')}, (999 + i)::BIGINT AS previous_sequence, ${changed('-', 3)} AS bids, ${changed('+', 4)} AS asks
      FROM range(1, ${deltas / 20 + 1}) r(i), range(20) q(s) ORDER BY symbol, timestamp`,
  };
}

/** The same as a table of numbers, which every reader of CSV takes. */
function flatSelect(type: string, file: string): string {
  const time = 'epoch_us(timestamp) AS timestamp';
  if (type !== 'book_snapshot')
    return `SELECT ${time}, * EXCLUDE (type, exchange, market, symbol, timestamp, local_timestamp) FROM ${file}`;
  const sides = ['bids', 'asks'].flatMap((side) => [
    `${side}[1][1] AS ${side}_price`,
    ...Array.from({ length: 15 }, (_, level) => `${side}[${level + 1}][2] AS ${side}_${level}`),
  ]);
  return `SELECT ${time}, ${sides.join(', ')} FROM ${file}`;
}

/** A tape of Bybit trades: frames of one to three trades of 20 symbols. */
async function writeTape(path: string, frames: number): Promise<void> {
  const random = seeded(9);
  const output = createWriteStream(path);
  const lines = [
    '{"tape":1,"exchange":"bybit"}',
    `{"at":${START},"connection":1,"connect":"wss://stream.bybit.com/v5/public/linear"}`,
  ];
  for (let frame = 0; frame < frames; frame++) {
    const symbol = `SYM${Math.floor(random() * 20)}USDT`;
    const time = START / 1000 + frame * 4;
    const data = Array.from({ length: random() < 0.8 ? 1 : 1 + Math.ceil(random() * 2) }, (_, row) => {
      const id = `${(frame * 3 + row).toString(16).padStart(8, '0')}-82bc-50de-be60-03eedbe3cdd7`;
      const price = (60_000 + random() * 1000).toFixed(2);
      const fields = { T: time, s: symbol, S: random() < 0.5 ? 'Buy' : 'Sell', v: (random() * 5 + 0.001).toFixed(3), p: price };
      return { ...fields, L: 'PlusTick', i: id, BT: false, RPI: false, seq: 753_843_954_913 + frame };
    });
    const body = JSON.stringify({ topic: `publicTrade.${symbol}`, type: 'snapshot', ts: time + 1, data });
    lines.push(JSON.stringify({ at: time * 1000 + 40_000, connection: 1, frame: body }));
    if (lines.length >= 5000) {
      if (!output.write(`${lines.join('\n')}\n`)) await new Promise<void>((resolve) => output.once('drain', resolve));
      lines.length = 0;
    }
  }
  await new Promise<void>((resolve) => output.end(lines.length > 0 ? `${lines.join('\n')}\n` : '', resolve));
}
