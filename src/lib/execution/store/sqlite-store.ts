import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isBucketUrl } from '../../bucket/bucket-url.js';
import { LimitError, UsageError } from '../../model/errors.js';
import { DAY } from '../../model/time.js';
import { freeBytes } from '../../storage/files/free-space.js';
import type { Commit, FillRow, IntentRow, OutboxRow } from '../messages.js';
import type { OwnOrder, RunConfig, RunState, StopMode } from '../state.js';
import { type Database, openDatabase, refuseNetworkFileSystem, type Statement } from './database.js';
import { type Heartbeat, KEPT_RECORDS, type RunCommand, type RunStore } from './run-store.js';

/** Marks a file as a journal of mdtool: "mdrn". */
const APPLICATION = 0x6d64726e;
const VERSION = 1;

/** Bytes that must be free before a run starts. */
const FREE = 64 * 1024 * 1024;

const SCHEMA = `
  create table run(one integer primary key check (one = 1), config text not null, state text) strict;
  create table start(code text primary key, started integer not null, pid integer not null) strict;
  create table intent(client_id text primary key, cycle integer not null, role text not null, row text not null) strict;
  create table order_state(client_id text primary key, cycle integer not null, row text not null) strict;
  create table fill(market text not null, trade_id text not null, row text not null, primary key (market, trade_id)) strict;
  create table outbox(seq integer primary key, record text not null) strict;
  create table cursor(name text primary key, seq integer not null) strict;
  create table command(id integer primary key autoincrement, mode text not null, taken integer not null default 0) strict;
  create table heartbeat(one integer primary key check (one = 1), at integer not null, pid integer not null, facts text not null) strict;
`;

/** Returns where the journals of the runs of a store lie. Throws a `UsageError` for a bucket: a copy of a journal trades twice. */
export function runsFolder(store: string): string {
  if (isBucketUrl(store))
    throw new UsageError(`${store}: a run keeps its journal on the disk of one machine; choose a directory with --store`);
  return join(store, 'state', 'runs');
}

export function runDirectory(store: string, name: string): string {
  return join(runsFolder(store), name);
}

/** Creates the journal of a new run. Throws a `UsageError` where there is one of that name. */
export async function createRunStore(directory: string, config: RunConfig): Promise<SqliteRunStore> {
  const path = join(directory, 'run.db');
  if (existsSync(path)) throw new UsageError(`the run ${config.name} exists`);
  await mkdir(directory, { recursive: true });
  await refuseNetworkFileSystem(directory);
  await requireSpace(directory);
  const database = await openDatabase(path);
  prepare(database);
  database.exec('begin immediate');
  database.exec(SCHEMA);
  database.prepare('insert into run(one, config) values (1, ?)').run(JSON.stringify(config));
  database.exec(`pragma application_id = ${APPLICATION}; pragma user_version = ${VERSION}`);
  database.exec('commit');
  return new SqliteRunStore(database, path);
}

/**
 * Opens the journal of a run. SQLite opens any file without a word, so opening is a check: what is not ours, is newer, is damaged
 * or has lost its rows is refused (exit 4), and nothing in it is changed.
 */
export async function openRunStore(directory: string, { readOnly = false } = {}): Promise<SqliteRunStore> {
  const path = join(directory, 'run.db');
  if (!existsSync(path)) throw new UsageError(`no run in ${directory}`);
  await refuseNetworkFileSystem(directory);
  if (!readOnly) await requireSpace(directory);
  let database: Database | undefined;
  try {
    database = await openDatabase(path, readOnly);
    check(database);
    if (!readOnly) prepare(database);
    return new SqliteRunStore(database, path);
  } catch (error) {
    database?.close();
    if (error instanceof UsageError || error instanceof LimitError) throw error;
    throw damaged(path, (error as Error).message);
  }
}

/**
 * Copies the journal of a run to a new file, also while it is written: a plain copy of the file would lack what stands in the WAL
 * beside it. Throws a `UsageError` where the file exists, a `LimitError` where the journal is damaged or the copy cannot be written.
 */
export async function backupRun(directory: string, file: string): Promise<void> {
  if (existsSync(file)) throw new UsageError(`--backup: ${file} exists`);
  const journal = await openRunStore(directory, { readOnly: true });
  try {
    journal.copyTo(file);
  } finally {
    journal.close();
  }
}

function damaged(path: string, reason: string): LimitError {
  return new LimitError(
    `${path} cannot be used (${reason}): nothing was sent and nothing in it was changed; mdtool grid status --recover shows what rests on the exchange`,
  );
}

function check(database: Database): void {
  const pragma = (name: string) => Object.values(database.prepare(`pragma ${name}`).get() as Record<string, unknown>)[0];
  if (Number(pragma('application_id')) !== APPLICATION) throw new Error('it is not the journal of a run');
  if (Number(pragma('user_version')) > VERSION) throw new Error('a newer mdtool wrote it');
  const verdict = String(pragma('quick_check'));
  if (verdict !== 'ok') throw new Error(verdict);
  if (database.prepare('select 1 from run').get() === undefined) throw new Error('its run is missing');
}

function prepare(database: Database): void {
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000');
}

async function requireSpace(directory: string): Promise<void> {
  const free = await freeBytes(directory);
  if (free !== undefined && free < FREE)
    throw new LimitError(
      `${directory}: ${Math.floor(free / 1_048_576)} MB are free, a run needs 64 MB: a journal that cannot grow ends it`,
    );
}

/** A journal in one file. */
export class SqliteRunStore implements RunStore {
  readonly path: string;
  readonly #database: Database;
  readonly #statements = new Map<string, Statement>();
  #commits = 0;

  constructor(database: Database, path: string) {
    this.#database = database;
    this.path = path;
  }

  get config(): RunConfig {
    return JSON.parse((this.#get('select config from run') as { config: string }).config) as RunConfig;
  }

  get state(): RunState | undefined {
    const { state } = this.#get('select state from run') as { state: string | null };
    return state === null ? undefined : (JSON.parse(state) as RunState);
  }

  /** When the run was first started, milliseconds; undefined before that. */
  get firstStart(): number | undefined {
    const { first } = this.#get('select min(started) as first from start') as { first: number | bigint | null };
    return first === null ? undefined : Number(first);
  }

  /** Level of `pragma synchronous`: 2 is full. */
  get synchronous(): number {
    return Number(Object.values(this.#get('pragma synchronous') as Record<string, unknown>)[0]);
  }

  commit({ state, intents, orders, fills, outbox }: Commit): void {
    this.#transaction(() => {
      for (const row of intents)
        this.#run('insert into intent values (?, ?, ?, ?)', row.clientId, row.cycle, row.role, JSON.stringify(row));
      for (const row of orders)
        this.#run('insert or replace into order_state values (?, ?, ?)', row.clientId, row.cycle, JSON.stringify(row));
      for (const row of fills) this.#run('insert into fill values (?, ?, ?)', row.market, row.tradeId, JSON.stringify(row));
      for (const { seq, record } of outbox) this.#run('insert into outbox values (?, ?)', seq, JSON.stringify(record));
      const code = state.starts.at(-1);
      if (code !== undefined) this.#run('insert or ignore into start values (?, ?, ?)', code, Date.now(), process.pid);
      this.#run('update run set state = ?', JSON.stringify(state));
    });
    this.#commits += 1;
    if (this.#commits % 256 === 0) this.#prune();
  }

  configure(config: RunConfig): void {
    this.#transaction(() => this.#run('update run set config = ?', JSON.stringify(config)));
  }

  heartbeat(facts: Readonly<Record<string, unknown>>): void {
    this.#transaction(() =>
      this.#run('insert or replace into heartbeat values (1, ?, ?, ?)', Date.now(), process.pid, JSON.stringify(facts)),
    );
  }

  get lastHeartbeat(): Heartbeat | undefined {
    const row = this.#get('select at, pid, facts from heartbeat') as { at: number; pid: number; facts: string } | undefined;
    return row && { at: row.at, pid: row.pid, facts: JSON.parse(row.facts) as Record<string, unknown> };
  }

  order(mode: StopMode): void {
    this.#transaction(() => this.#run('insert into command(mode) values (?)', mode));
  }

  takeCommand(): RunCommand | undefined {
    const row = this.#get('select id, mode from command where taken = 0 order by id limit 1') as RunCommand | undefined;
    if (row) this.#transaction(() => this.#run('update command set taken = 1 where id = ?', row.id));
    return row;
  }

  outbox(after: number, most: number): readonly OutboxRow[] {
    const rows = this.#all('select seq, record from outbox where seq > ? order by seq limit ?', after, most);
    return (rows as { seq: number; record: string }[]).map(({ seq, record }) => ({ seq, record: JSON.parse(record) }));
  }

  cursor(sink: string): number {
    const row = this.#get('select seq from cursor where name = ?', sink) as { seq: number } | undefined;
    return row?.seq ?? -1;
  }

  advance(sink: string, seq: number): void {
    this.#transaction(() =>
      this.#run('insert into cursor values (?, ?) on conflict(name) do update set seq = max(seq, excluded.seq)', sink, seq),
    );
  }

  freeSpace(): Promise<number | undefined> {
    return freeBytes(dirname(this.path));
  }

  intents(): readonly IntentRow[] {
    return this.#rows('select row from intent order by rowid');
  }

  orders(): readonly OwnOrder[] {
    return this.#rows('select row from order_state order by rowid');
  }

  fills(): readonly FillRow[] {
    return this.#rows('select row from fill order by rowid');
  }

  copyTo(file: string): void {
    try {
      this.#run('vacuum into ?', file);
    } catch (error) {
      throw new LimitError(`${file} cannot be written (${(error as Error).message})`, { cause: error });
    }
  }

  close(): void {
    this.#statements.clear();
    // One file without a WAL beside it is what a copy of the folder should find. A reader cannot, and need not.
    try {
      this.#database.exec('pragma wal_checkpoint(truncate)');
    } catch {}
    this.#database.close();
  }

  #prune(): void {
    const { taken } = this.#get('select min(seq) as taken from cursor') as { taken: number | null };
    if (taken === null) return;
    // A process that sends alarms may be down meanwhile: they are kept as long as they are alarms.
    const old = `coalesce(json_extract(record, '$.severity'), '') <> 'alarm' or json_extract(record, '$.timestamp') < ?`;
    const sql = `delete from outbox where seq <= ? and (${old})`;
    this.#transaction(() => this.#run(sql, taken - KEPT_RECORDS, Date.now() * 1_000 - DAY));
  }

  /** A commit that fails leaves nothing of itself: the caller must not act on it. */
  #transaction(work: () => unknown): void {
    try {
      this.#database.exec('begin immediate');
      work();
      this.#database.exec('commit');
    } catch (error) {
      try {
        this.#database.exec('rollback');
      } catch {}
      throw new LimitError(
        `${this.path} cannot be written (${(error as Error).message}): the run stops before anything is sent; make room, then start it again`,
        { cause: error },
      );
    }
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  #run(sql: string, ...values: (string | number | null)[]): unknown {
    return this.#statement(sql).run(...values);
  }

  #get(sql: string, ...values: (string | number | null)[]): unknown {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, ...values: (string | number | null)[]): unknown[] {
    return this.#statement(sql).all(...values);
  }

  #rows<Row>(sql: string): Row[] {
    return (this.#all(sql) as { row: string }[]).map(({ row }) => JSON.parse(row) as Row);
  }
}

/** Locks that are held: one that nobody refers to would be collected, and with it closed. */
const HELD = new Set<Database>();

/** Holds a lock as long as its process lives; returns how to let it go, undefined where another process has it. */
export async function lockFile(path: string): Promise<(() => void) | undefined> {
  const database = await openDatabase(path);
  try {
    database.exec('pragma journal_mode = delete; pragma busy_timeout = 0');
    database.exec('begin exclusive');
    HELD.add(database);
    return () => {
      HELD.delete(database);
      database.close();
    };
  } catch {
    database.close();
    return undefined;
  }
}
