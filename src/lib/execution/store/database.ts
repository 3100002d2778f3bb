import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FailureError, UsageError } from '../../model/errors.js';

type Value = string | number | null;

/** A prepared statement; only what both drivers have alike is used. */
export type Statement = {
  run(...values: Value[]): unknown;
  get(...values: Value[]): unknown;
  all(...values: Value[]): unknown[];
};

export type Database = { exec(sql: string): void; prepare(sql: string): Statement; close(): void };

type Driver = { readonly DatabaseSync: new (path: string, options?: { readOnly?: boolean }) => Database };

/** Types of file systems on which locks and shared memory cannot be relied on. */
const NETWORK = new Set([
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  'smbfs',
  '9p',
  'afs',
  'ceph',
  'fuse.sshfs',
  'glusterfs',
  'fuse.glusterfs',
]);

let driver: Promise<Driver> | undefined;

/** Returns SQLite: the runtime's own where it has it, else the optional package with the same interface. */
async function loadDriver(): Promise<Driver> {
  const own = 'node:sqlite';
  const warn = process.emitWarning;
  // The runtime's SQLite says once that it is experimental: nothing that a user could act on.
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).includes('SQLite')) (warn as (...all: unknown[]) => void).call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return (await import(own)) as Driver;
  } catch {
    try {
      return (await import('@photostructure/sqlite')) as unknown as Driver;
    } catch (error) {
      throw new UsageError(
        'grid run needs SQLite, which this Node.js does not have: npm install @photostructure/sqlite, or use Node.js 22.13 or later',
        { cause: error },
      );
    }
  } finally {
    process.emitWarning = warn;
  }
}

/** Opens a database file. Throws a `UsageError` without a driver, what the driver throws where the file cannot be opened. */
export async function openDatabase(path: string, readOnly = false): Promise<Database> {
  driver ??= loadDriver();
  const { DatabaseSync } = await driver;
  return readOnly ? new DatabaseSync(path, { readOnly }) : new DatabaseSync(path);
}

/** Throws a `FailureError` where a directory is known to lie on a network file system. */
export async function refuseNetworkFileSystem(directory: string): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const path = `${resolve(directory)}/`;
  const found = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, point = '']) => path.startsWith(point === '/' ? '/' : `${point.replaceAll('\\040', ' ')}/`))
    .sort(([, a = ''], [, b = '']) => b.length - a.length)[0];
  const type = found?.[2] ?? '';
  if (NETWORK.has(type))
    throw new FailureError(
      `${dirname(path)} lies on a network file system (${type}), where a journal can lose what was acknowledged: choose a local --store`,
    );
}
