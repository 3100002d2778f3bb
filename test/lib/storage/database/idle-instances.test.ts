import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Database, type DatabaseOptions } from '../../../../src/lib/storage/database/duckdb.js';
import { temporaryDirectory } from '../support.js';

const opened: Database[] = [];
const open = async (options: DatabaseOptions = {}) => {
  const database = await Database.open(options);
  opened.push(database);
  return database;
};
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
});

/** Marks the instance of a database by a setting that lasts, unseen by `Database`, and tells whether one is marked. */
const mark = async (database: Database) => void (await database.connection.run("SET GLOBAL default_order = 'DESC'"));
const isMarked = async (database: Database) =>
  (await database.rows("SELECT current_setting('default_order') AS value"))[0]?.value === 'DESC';

/** Returns whether the next database has the instance of one that did something. */
async function isUsedAgain(work: (database: Database) => Promise<unknown>, options: DatabaseOptions = {}): Promise<boolean> {
  const first = await open(options);
  await mark(first);
  await work(first).catch(() => {});
  await first.close();
  const second = await open(options);
  const isSame = await isMarked(second);
  // Nothing of this test reaches the next one.
  await second.run('CREATE TABLE last (n INTEGER)');
  await second.close();
  return isSame;
}

it('an instance is used again after temporary objects, which are gone then', async () => {
  expect(await isUsedAgain((database) => database.run('CREATE TEMP TABLE passing AS SELECT 1 AS n'))).toBe(true);
  const first = await open();
  await first.run('CREATE TEMP TABLE passing AS SELECT 1 AS n');
  await first.run('CREATE OR REPLACE TEMP VIEW seen AS SELECT * FROM passing');
  await first.close();
  const second = await open();
  await second.run('CREATE TEMP TABLE passing AS SELECT 2 AS n');
  expect(await second.number('SELECT n FROM passing')).toBe(2);
  await expect(second.number('SELECT n FROM seen')).rejects.toThrow(/seen/);
});

it.each([
  ['a table', 'CREATE TABLE lasting (n INTEGER)'],
  ['a type', "CREATE TYPE lasting AS ENUM ('a')"],
  ['a view', 'CREATE OR REPLACE VIEW lasting AS SELECT 1'],
  ['another database', "ATTACH ':memory:' AS other"],
  ['a setting', "SET force_compression = 'uncompressed'"],
  ['a lock', 'SET lock_configuration = true'],
  ['a failure', 'SELECT * FROM nowhere'],
])('an instance is not used again after %s', async (_, sql) => {
  expect(await isUsedAgain((database) => database.run(sql))).toBe(false);
});

it('an instance is not used again while it holds much, or has other threads', async () => {
  let held: unknown;
  const hold = async (database: Database) => {
    await database.connection.run('CREATE TABLE unseen AS SELECT range AS n FROM range(3)');
    held = database;
  };
  expect(await isUsedAgain(hold)).toBe(false);
  expect(held).toBeDefined();
  expect(await isUsedAgain(async (database) => await database.connection.run('SET threads = 1'))).toBe(false);
});

it('an instance is not used again in a file or with a directory of its own', async () => {
  const directory = await temporaryDirectory();
  expect(await isUsedAgain(async () => {}, { path: join(directory, 'a.duckdb') })).toBe(false);
  expect(await isUsedAgain(async () => {}, { spill: join(directory, 'spill') })).toBe(false);
});

it('two databases at once have instances of their own, also when one is closed twice', async () => {
  const [first, other] = [await open(), await open()];
  await first.run('CREATE TEMP TABLE passing AS SELECT 1 AS n');
  await mark(first);
  expect(await isMarked(other)).toBe(false);
  await first.close();
  const again = await open();
  expect(await isMarked(again)).toBe(true);
  await first.close();
  const third = await open();
  expect(await isMarked(third)).toBe(false);
  await again.run('CREATE TABLE last (n INTEGER)');
});

it('a file that is replaced by one of the same size and time is read anew', async () => {
  const path = join(await temporaryDirectory('replaced '), 'a.csv');
  const read = async () => {
    const database = await Database.open();
    const value = await database.number(`SELECT n FROM read_csv('${path}')`);
    await database.close();
    return value;
  };
  for (const n of [1, 2, 3]) {
    await writeFile(path, `n\n${n}\n`);
    expect(await read()).toBe(n);
  }
});
