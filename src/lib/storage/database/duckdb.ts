import type { DuckDBConnection, DuckDBDataChunk, DuckDBResultReader, DuckDBValue } from '@duckdb/node-api';
import { fetchNamedFiles } from '../files/bucket-files.js';
import { followRetired, isVanished } from '../log/retired-files.js';
import { type Instance, releaseInstance, takeInstance } from './idle-instances.js';
import { followConnection, forgetConnection } from './statement-share.js';

export { loadDuckDB } from './idle-instances.js';

/** Attempts of one statement: each time another of its files may have been retired. */
const ATTEMPTS = 25;

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

/** Statements that change more than temporary objects of their connection. */
const LASTING = /^\s*(ATTACH|USE|SET (?!threads)|CREATE (?!(OR REPLACE )?TEMP )|INSTALL|LOAD|PRAGMA)/i;

/**
 * One connection to a DuckDB instance, for one operation. No other operation uses the instance meanwhile; one that nothing is
 * left of is used again, any other is closed, since a fatal error makes it unusable. Sessions run in UTC, load and install
 * no extension, and spill outside of the working directory.
 */
export class Database {
  readonly connection: DuckDBConnection;
  readonly #instance: Instance;
  readonly #threads: number;
  #isClean = true;
  #isClosed = false;

  private constructor(connection: DuckDBConnection, instance: Instance, threads: number) {
    this.connection = connection;
    this.#instance = instance;
    this.#threads = threads;
  }

  static async open({ path = ':memory:', threads = 2, memoryLimit = '1GB', spill }: DatabaseOptions = {}): Promise<Database> {
    const { instance, connection } = await takeInstance({ path, threads, memoryLimit, spill });
    await followConnection(connection);
    return new Database(connection, instance, threads);
  }

  /** Runs statements and ignores their result. */
  async run(sql: string, parameters?: Parameters): Promise<void> {
    await this.#following(sql, (statement) => this.connection.run(statement, parameters));
  }

  /** Returns a small result completely, integers as bigint. */
  read(sql: string, parameters?: Parameters): Promise<DuckDBResultReader> {
    return this.#following(sql, (statement) => this.connection.runAndReadAll(statement, parameters));
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
    const result = await this.#following(sql, (statement) => this.connection.run(statement));
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

  /** Runs a statement; reads stored files that were retired meanwhile under their retired names. */
  async #following<T>(sql: string, run: (statement: string) => Promise<T>): Promise<T> {
    if (LASTING.test(sql)) this.#isClean = false;
    let statement = sql;
    for (let attempt = 1; ; attempt++) {
      await fetchNamedFiles(statement);
      try {
        return await run(statement);
      } catch (error) {
        this.#isClean = false;
        const moved = isVanished(error) ? followRetired(sql) : statement;
        if (moved === statement || attempt >= ATTEMPTS) throw error;
        statement = moved;
      }
    }
  }

  async close(): Promise<void> {
    // Closed a second time, it would offer an instance that another operation uses by now.
    if (this.#isClosed) return;
    this.#isClosed = true;
    forgetConnection(this.connection);
    this.connection.closeSync();
    await releaseInstance(this.#instance, this.#isClean);
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
