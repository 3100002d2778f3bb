import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { AnyRecord, Trade } from '../../../src/lib/model/records.js';
import type { ResultValue } from '../../../src/lib/storage/database/query-values.js';
import { queryStore } from '../../../src/lib/storage/reading/query.js';
import { readStore } from '../../../src/lib/storage/reading/store-reader.js';
import type { StoreSelection } from '../../../src/lib/storage/reading/store-selection.js';
import { openStoreWriter, type StoreWriterOptions } from '../../../src/lib/storage/store-writer.js';

/** 2026-11-20T10:00:00Z. */
export const START = 1_795_168_800_000_000;

/** Returns a directory that is removed after the test. */
export async function temporaryDirectory(name = 'store test [1] '): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), name));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Fills a store once for all tests of a file; returns what gives a test a copy of its own. */
export function storeTemplate(fill: (directory: string) => Promise<unknown>): () => Promise<string> {
  let template: string;
  beforeAll(async () => {
    template = await mkdtemp(join(tmpdir(), 'template [1] '));
    await fill(template);
  });
  afterAll(() => rm(template, { recursive: true, force: true }));
  return async () => {
    const directory = await temporaryDirectory();
    await cp(template, directory, { recursive: true, preserveTimestamps: true });
    return directory;
  };
}

/** Returns the n-th trade of a made-up tape, a millisecond after the one before. */
export function tradeAt(n: number, fields: Partial<Trade> = {}): Trade {
  return {
    type: 'trade',
    exchange: 'bybit',
    market: 'linear',
    symbol: n % 2 === 0 ? 'BTCUSDT' : 'ETHUSDT',
    timestamp: START + n * 1000,
    localTimestamp: START + n * 1000 + 250,
    id: `t${n}`,
    price: 100 + n / 8,
    amount: 0.001,
    side: n % 3 === 0 ? 'buy' : 'sell',
    sequence: String(9_007_199_254_740_993n + BigInt(n)),
    ...fields,
  };
}

export function trades(from: number, until: number, fields: Partial<Trade> = {}): Trade[] {
  return Array.from({ length: until - from }, (_, index) => tradeAt(from + index, fields));
}

/** Writes records in a run of its own: opened, written, sealed. */
export async function writeRun(directory: string, records: readonly AnyRecord[], options: Partial<StoreWriterOptions> = {}) {
  const writer = await openStoreWriter(directory, { step: 'test', ...options });
  await writer.write(records);
  return await writer.close();
}

/** Returns all records that a selection gives. */
export async function readAll(directory: string, selection: StoreSelection = {}): Promise<AnyRecord[]> {
  const records: AnyRecord[] = [];
  for await (const batch of readStore(directory, selection)) records.push(...batch);
  return records;
}

/** Returns the rows of a statement. */
export async function rowsOf(directory: string, sql: string): Promise<ResultValue[][]> {
  const result = await queryStore(directory, sql);
  const rows: ResultValue[][] = [];
  for await (const batch of result.rows()) rows.push(...batch);
  await result.close();
  return rows;
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
