import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { leaveAtExit, removeAtExit } from '../../disk/exit-cleanup.js';

/** Loads the native library on first use. */
export async function loadDuckDB(): Promise<typeof import('@duckdb/node-api')> {
  return (await import('@duckdb/node-api')).default;
}

/** A DuckDB instance with its temporary directory. */
export type Instance = {
  readonly native: DuckDBInstance;
  readonly spill: string;
  /** What instances that stand in for each other have in common; undefined for one that nobody else may use. */
  readonly key: string | undefined;
  readonly threads: number;
};

type InstanceOptions = {
  readonly path: string;
  readonly threads: number;
  readonly memoryLimit: string;
  readonly spill: string | undefined;
};

/**
 * Instances in memory that wait for the next operation, one of a kind. DuckDB registers thousands of functions in each new
 * instance, which takes 15 ms, and a command over a store opens several.
 */
const IDLE = new Map<string, Instance>();

/** Bytes that an instance still holds after an operation: with more, the next one would reach its limit earlier. */
const MOST_LEFT = 16 << 20;

/** Returns an instance on which nothing is left of an operation before, and a connection to it. */
export async function takeInstance(options: InstanceOptions): Promise<{ instance: Instance; connection: DuckDBConnection }> {
  const { path, threads, memoryLimit, spill } = options;
  // Another thread cannot use it, and the end of a thread would have to wait for it.
  const isShared = isMainThread && path === ':memory:' && spill === undefined;
  const key = isShared ? `${threads} ${memoryLimit}` : undefined;
  const idle = key === undefined ? undefined : IDLE.get(key);
  if (idle) {
    IDLE.delete(key as string);
    // A fatal error of an operation makes its instance unusable, also where nobody noticed.
    const connection = await connect(idle).catch(() => undefined);
    if (connection) return { instance: idle, connection };
    await closeInstance(idle);
  }
  const instance = await createInstance(options, key);
  return { instance, connection: await connect(instance) };
}

async function createInstance(options: InstanceOptions, key: string | undefined): Promise<Instance> {
  const { DuckDBInstance } = await loadDuckDB();
  // The default of DuckDB would be the working directory.
  const spill = options.spill ?? join(tmpdir(), `mdtool-spill-${process.pid}-${randomBytes(4).toString('hex')}`);
  const native = await DuckDBInstance.create(options.path, {
    threads: String(options.threads),
    memory_limit: options.memoryLimit,
    temp_directory: spill,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  removeAtExit(spill);
  return { native, spill, key, threads: options.threads };
}

async function connect({ native }: Instance): Promise<DuckDBConnection> {
  const connection = await native.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}

/**
 * Takes an instance back after its connection has been closed. `isClean`: no statement failed, and none changed more than
 * temporary objects, which end with their connection.
 */
export async function releaseInstance(instance: Instance, isClean: boolean): Promise<void> {
  const { key, spill } = instance;
  const isWanted = isClean && key !== undefined && !IDLE.has(key) && !existsSync(spill);
  if (isWanted && (await isEmpty(instance)) && !IDLE.has(key)) IDLE.set(key, instance);
  else await closeInstance(instance);
}

/** Returns whether nothing is left of an operation; takes the blocks of files that DuckDB keeps out of its memory. */
async function isEmpty({ native, threads }: Instance): Promise<boolean> {
  const connection = await native.connect();
  try {
    // The cache knows a file by its time alone: one that is replaced within a moment could be read as it was before.
    await connection.run('SET enable_external_file_cache = false');
    await connection.run('SET enable_external_file_cache = true');
    const left = await connection.runAndReadAll(
      `SELECT (SELECT count(*) FROM duckdb_tables())::DOUBLE, (SELECT sum(memory_usage_bytes) FROM duckdb_memory())::DOUBLE,
        current_setting('threads')::DOUBLE`,
    );
    const [tables, bytes, running] = left.getRows()[0] as [number, number, number];
    return tables === 0 && bytes < MOST_LEFT && running === threads;
  } catch {
    return false;
  } finally {
    connection.closeSync();
  }
}

async function closeInstance({ native, spill }: Instance): Promise<void> {
  native.closeSync();
  await rm(spill, { recursive: true, force: true });
  leaveAtExit(spill);
}
