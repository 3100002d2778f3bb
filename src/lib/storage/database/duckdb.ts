import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBDataChunk, DuckDBResultReader, DuckDBValue } from '@duckdb/node-api';
import { leaveAtExit, removeAtExit } from '../../disk/exit-cleanup.js';
import { fetchNamedFiles } from '../files/bucket-files.js';
import { followRetired, isVanished } from '../log/retired-files.js';
import { followConnection, forgetConnection } from './statement-share.js';

/** Loads the native library on first use. */
export async function loadDuckDB(): Promise<typeof import('@duckdb/node-api')> {
  return (await import('@duckdb/node-api')).default;
}

export type DatabaseOptions = {
  /** A `.duckdb` file; in memory by default. */
  readonly path?: string;
  readonly threads?: number;
  /** In DuckDB's notation (`512MB`); data beyond it is spilled to the temporary directory. */
  readonly memoryLimit?: string;
  /** The temporary directory; DuckDB creates it when it first spills, and it is removed in the end. */
  readonly spill?: string;
};

type Parameters = Record<string, DuckDBValue> | DuckDBValue[];

/**
 * One DuckDB instance with one connection, for one operation: a fatal error makes an instance unusable. Sessions run in
 * UTC, load and install no extension, and spill outside of the working directory.
 */
export class Database {
  readonly connection: DuckDBConnection;
  readonly #closeInstance: () => void;
  readonly #spill: string;
  readonly #threads: number;

  private constructor(connection: DuckDBConnection, closeInstance: () => void, spill: string, threads: number) {
    this.connection = connection;
    this.#threads = threads;
    this.#closeInstance = closeInstance;
    this.#spill = spill;
    removeAtExit(spill);
  }

  static async open(options: DatabaseOptions = {}): Promise<Database> {
    const { DuckDBInstance } = await loadDuckDB();
    const { path = ':memory:', threads = 2, memoryLimit = '1GB' } = options;
    // The default of DuckDB would be the working directory.
    const spill = options.spill ?? join(tmpdir(), `mdtool-spill-${process.pid}-${randomBytes(4).toString('hex')}`);
    const instance = await DuckDBInstance.create(path, {
      threads: String(threads),
      memory_limit: memoryLimit,
      temp_directory: spill,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    await followConnection(connection);
    return new Database(connection, () => instance.closeSync(), spill, threads);
  }

  /** Runs statements and ignores their result. */
  async run(sql: string, parameters?: Parameters): Promise<void> {
    await following(sql, (statement) => this.connection.run(statement, parameters));
  }

  /** Returns a small result completely, integers as bigint. */
  read(sql: string, parameters?: Parameters): Promise<DuckDBResultReader> {
    return following(sql, (statement) => this.connection.runAndReadAll(statement, parameters));
  }

  /** Returns the rows of a small result by column name. */
  async rows(sql: string, parameters?: Parameters): Promise<Record<string, DuckDBValue>[]> {
    return (await this.read(sql, parameters)).getRowObjects();
  }

  /** Returns the first value of the first row as a number. */
  async number(sql: string): Promise<number> {
    return Number((await this.read(sql)).getRows()[0]?.[0] ?? 0);
  }

  /** Returns the chunks of a small result; nothing in them is decoded yet. */
  async chunks(sql: string): Promise<readonly DuckDBDataChunk[]> {
    const result = await following(sql, (statement) => this.connection.run(statement));
    return await result.fetchAllChunks();
  }

  /**
   * Runs `work` with one thread. A window over all rows in their order (`lag(…) OVER ()`) runs in one anyway: a second thread
   * only waits for it, and takes as much processor time again.
   */
  async inOneThread<T>(work: () => Promise<T>): Promise<T> {
    await this.run('SET threads = 1');
    try {
      return await work();
    } finally {
      await this.run(`SET threads = ${this.#threads}`);
    }
  }

  /**
   * Iterates with one thread. A streamed result has small chunks: with more threads these wait for each other at every
   * chunk, which takes twice the processor time.
   */
  async *singleThreaded<T>(work: AsyncIterable<T>): AsyncGenerator<T> {
    await this.run('SET threads = 1');
    try {
      yield* work;
    } finally {
      await this.run(`SET threads = ${this.#threads}`);
    }
  }

  async close(): Promise<void> {
    forgetConnection(this.connection);
    this.connection.closeSync();
    this.#closeInstance();
    await rm(this.#spill, { recursive: true, force: true });
    leaveAtExit(this.#spill);
  }
}

/** Attempts of one statement: each time another of its files may have been retired. */
const ATTEMPTS = 25;

/** Runs a statement; reads stored files that were retired meanwhile under their retired names. */
async function following<T>(sql: string, run: (statement: string) => Promise<T>): Promise<T> {
  let statement = sql;
  for (let attempt = 1; ; attempt++) {
    await fetchNamedFiles(statement);
    try {
      return await run(statement);
    } catch (error) {
      const moved = isVanished(error) ? followRetired(sql) : statement;
      if (moved === statement || attempt >= ATTEMPTS) throw error;
      statement = moved;
    }
  }
}

/** Opens a database for `work` and closes it afterwards. */
export async function withDatabase<T>(options: DatabaseOptions, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await Database.open(options);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Returns a text as SQL literal. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns a name as SQL identifier: `timestamp`, `index`, `open` and others are SQL keywords. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Returns texts as SQL list literal, `['a', 'b']`. */
export function sqlList(texts: readonly string[]): string {
  return `[${texts.map(sqlText).join(', ')}]`;
}
