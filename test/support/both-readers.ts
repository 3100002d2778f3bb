import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { readInput } from '../../src/lib/input/input.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { RecordType } from '../../src/lib/model/records.js';
import { Database } from '../../src/lib/storage/database/duckdb.js';
import { tableRecords } from '../../src/lib/storage/database/record-rows.js';

/** Loads a file into a table; returns a SELECT of each record type in it, undefined when it declines the file. */
type Load = (
  database: Database,
  path: string,
  table: string,
) => Promise<readonly { readonly type: RecordType; readonly select: string }[] | undefined>;

/** `fast`: the records of DuckDB's reader as lines, undefined when it declines; `slow` and `broken`: those of the other reader, and its messages. */
type BothResults = { readonly fast: string[] | undefined; readonly slow: string[]; readonly broken: string[] };

/** Returns a function that writes a file and reads it by both readers, with one database for all tests of a file. */
export function bothReaders(load: Load): (name: string, content: string | Buffer) => Promise<BothResults> {
  let directory: string;
  let database: Database;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'both-readers-'));
    database = await Database.open();
  });
  afterAll(async () => {
    await database.close();
    await rm(directory, { recursive: true });
  });
  return async (name, content) => {
    const path = join(directory, name);
    await writeFile(path, content);
    const loaded = await load(database, path, 'loaded');
    const fast: string[] = [];
    for (const { type, select } of loaded ?? []) {
      await database.run(`CREATE OR REPLACE TEMP TABLE rows_of_it AS ${select}`);
      for await (const records of tableRecords(database, type, 'rows_of_it')) fast.push(...records.map(encodeRecord));
    }
    await database.run('DROP TABLE IF EXISTS loaded');
    const [slow, broken]: [string[], string[]] = [[], []];
    for await (const records of readInput([path], { broken: (reason) => broken.push(reason) }))
      slow.push(...records.map(encodeRecord));
    return { fast: loaded && fast, slow, broken };
  };
}
