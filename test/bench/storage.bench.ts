/**
 * The store: a one-day, one-symbol question as the store grows tenfold, and how fast records are appended and sealed,
 * against DuckDB's own appender, row by row.
 *
 *   node --import tsx test/bench/storage.bench.ts [trades per symbol and day, default 2000]
 *
 * The goal of 8 × is not reached where texts stay texts: a call per id, and DuckDB storing the texts of seven columns, are
 * most of a row's time in batches. Numbers, times and texts that repeat take a seventh of it.
 *
 * 30 days × 50 symbols of synthetic trades. Every figure is the median of several rounds within this run; memory is the
 * resident set of a process of its own that asks the question once.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBTimestampTZValue } from '@duckdb/node-api';
import type { Trade } from '../../src/lib/model/records.js';
import { Database } from '../../src/lib/storage/database/duckdb.js';
import { tableDefinition } from '../../src/lib/storage/database/record-table.js';
import { TableAppender } from '../../src/lib/storage/database/table-appender.js';
import { queryStore } from '../../src/lib/storage/reading/query.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';

const DAY = 86_400_000_000;
const START = Date.parse('2026-10-01T00:00:00Z') * 1000;
const SYMBOLS = 50;
const ROUNDS = 5;
const APPENDED = 300_000;
const GOAL = 8;
const QUESTION = "SELECT count(*), sum(price * amount), max(timestamp) FROM trade WHERE symbol = 'SYM7USDT'";

function tradesOfDay(day: number, perSymbol: number): Trade[] {
  const count = perSymbol * SYMBOLS;
  return Array.from({ length: count }, (_, n) => trade(START + day * DAY + Math.floor((n * DAY) / count), day * count + n));
}

function trade(timestamp: number, n: number): Trade {
  return {
    type: 'trade',
    exchange: 'bybit',
    market: 'linear',
    symbol: `SYM${n % SYMBOLS}USDT`,
    timestamp,
    localTimestamp: timestamp + 40_000,
    id: `2290000000${n}`,
    price: Math.round(1000 + 500 * Math.sin(n / 977)) / 10,
    amount: (n % 97) / 1000,
    side: n % 3 === 0 ? 'buy' : 'sell',
    sequence: String(900_000_000_000 + n),
  };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] as number;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function ask(directory: string): Promise<void> {
  const result = await queryStore(directory, QUESTION, {
    selection: { symbols: ['SYM7USDT'], since: START + DAY, until: START + 2 * DAY },
  });
  for await (const _ of result.rows());
  await result.close();
}

async function grow(directory: string, from: number, until: number, perSymbol: number): Promise<number> {
  return await timed(async () => {
    const writer = await openStoreWriter(directory, { step: 'bench' });
    for (let day = from; day < until; day++) {
      const trades = tradesOfDay(day, perSymbol);
      for (let n = 0; n < trades.length; n += 1000) await writer.write(trades.slice(n, n + 1000));
    }
    await writer.close();
  });
}

async function scaling(directory: string, perSymbol: number): Promise<void> {
  for (const [from, until] of [
    [0, 3],
    [3, 30],
  ] as const) {
    const milliseconds = await grow(directory, from, until, perSymbol);
    const stored = (until - from) * perSymbol * SYMBOLS;
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await timed(() => ask(directory)));
    const peak = execFileSync(process.execPath, ['--import', 'tsx', import.meta.filename, '--ask', directory], {
      encoding: 'utf8',
    });
    console.log(
      `${until} days: wrote and sealed ${stored} trades at ${Math.round(stored / milliseconds)} k/s; one day, one symbol: ${median(rounds).toFixed(0)} ms, ${peak.trim()} MB`,
    );
  }
}

async function appendByRow(database: Database, trades: readonly Trade[]): Promise<void> {
  await database.run(`CREATE TABLE trade (${tableDefinition('trade')})`);
  const appender = await database.connection.createAppender('trade');
  for (const { type, exchange, market, symbol, timestamp, localTimestamp, id, price, amount, side, sequence } of trades) {
    for (const text of [type, exchange, market, symbol]) appender.appendVarchar(text);
    for (const time of [timestamp, localTimestamp ?? 0]) appender.appendTimestampTZ(new DuckDBTimestampTZValue(BigInt(time)));
    appender.appendVarchar(id);
    appender.appendDouble(price);
    appender.appendDouble(amount);
    appender.appendVarchar(side);
    appender.appendBigInt(BigInt(sequence ?? 0));
    appender.endRow();
  }
  appender.closeSync();
}

async function appendByBatch(database: Database, trades: readonly Trade[]): Promise<void> {
  const appender = await TableAppender.create(database, 'trade');
  for (let n = 0; n < trades.length; n += 1000) await appender.append(trades.slice(n, n + 1000));
  await appender.flush();
}

async function intoFile(path: string, append: (database: Database) => Promise<void>): Promise<void> {
  rmSync(path, { force: true });
  const database = await Database.open({ path, threads: 1 });
  await database.run('BEGIN');
  await append(database);
  await database.run('COMMIT');
  await database.close();
}

async function inMemory(append: (database: Database) => Promise<void>): Promise<void> {
  const database = await Database.open({ threads: 1 });
  await append(database);
  await database.close();
}

async function appending(directory: string): Promise<void> {
  const trades = Array.from({ length: APPENDED }, (_, n) => trade(START + n * 1000, n));
  const targets = {
    memory: inMemory,
    file: (append: (database: Database) => Promise<void>) => intoFile(join(directory, 'append.duckdb'), append),
  };
  for (const [name, open] of Object.entries(targets)) {
    const rows: number[] = [];
    const batches: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rows.push(await timed(() => open((database) => appendByRow(database, trades))));
      batches.push(await timed(() => open((database) => appendByBatch(database, trades))));
    }
    const [byRow, byBatch] = [median(rows), median(batches)];
    const rate = (milliseconds: number) => `${Math.round(APPENDED / milliseconds)} k/s`;
    console.log(
      `append, ${name}: per row ${rate(byRow)}, in batches ${rate(byBatch)}: ${(byRow / byBatch).toFixed(1)} × (goal ${GOAL} ×)`,
    );
  }
}

const [first = '2000', asked] = process.argv.slice(2);
if (first === '--ask') {
  await ask(asked as string);
  console.log(Math.round(process.resourceUsage().maxRSS / 1024));
} else {
  const directory = mkdtempSync(join(tmpdir(), 'storage-bench-'));
  try {
    await appending(directory);
    await scaling(join(directory, 'store'), Number(first));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
