import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Commit, OutboxRow } from '../../../src/lib/execution/messages.js';
import { initialState, type RunConfig } from '../../../src/lib/execution/state.js';
import { openDatabase } from '../../../src/lib/execution/store/database.js';
import { MemoryRunStore } from '../../../src/lib/execution/store/memory-store.js';
import type { RunStore } from '../../../src/lib/execution/store/run-store.js';
import {
  backupRun,
  createRunStore,
  lockFile,
  openRunStore,
  type SqliteRunStore,
} from '../../../src/lib/execution/store/sqlite-store.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-run-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Hundreds of commits that are each written through to a disk take seconds. */
const FAST = existsSync('/dev/shm') ? '/dev/shm' : folder;

const CONFIG = { name: 'eth', id: 'abc123' } as RunConfig;
const RULES = { tick: '0.01', lot: '0.01' };

function commitOf(number: number, more: Partial<Commit> = {}): Commit {
  const state = { ...initialState(RULES, 0), seq: number + 1, starts: ['aaa'] };
  const request = { role: 'level', number, side: 'buy', kind: 'limit', price: '99.1', amount: '0.1', reduces: false } as const;
  const clientId = `m-abc123-aaa-1-L${number}-0`;
  const record = {
    type: 'event',
    timestamp: number,
    localTimestamp: number,
    seq: number,
    severity: 'routine',
    kind: 'x',
    message: 'y',
  } as const;
  return {
    state,
    intents: [{ clientId, cycle: 1, role: 'level', number, attempt: 0, request, sent: 1 }],
    orders: [],
    fills: [
      {
        market: 'linear',
        tradeId: `t${number}`,
        orderId: 'o',
        side: 'buy',
        price: '99.10',
        amount: '0.100',
        fees: [],
        cause: 'order',
        timestamp: 1,
      },
    ],
    outbox: [{ seq: number, record }],
    ...more,
  };
}

let folders = 0;
const KINDS: [string, () => Promise<RunStore>][] = [
  ['in memory', async () => new MemoryRunStore(CONFIG)],
  ['SQLite', async () => createRunStore(join(folder, `run${++folders}`), CONFIG)],
];

describe.each(KINDS)('a journal %s', (_, open) => {
  it('gives back what was committed, amounts as text', async () => {
    const store = await open();
    expect(store.state).toBeUndefined();
    store.commit(commitOf(0));
    store.commit(commitOf(1));
    expect(store.state).toMatchObject({ seq: 2, starts: ['aaa'] });
    expect(store.intents().map(({ clientId }) => clientId)).toEqual(['m-abc123-aaa-1-L0-0', 'm-abc123-aaa-1-L1-0']);
    expect(store.fills()[0]).toMatchObject({ price: '99.10', amount: '0.100' });
    expect(store.outbox(-1, 10).map(({ seq }) => seq)).toEqual([0, 1]);
    store.close();
  });

  it('refuses a client id and a fill that it has, and then keeps nothing of the commit', async () => {
    const store = await open();
    store.commit(commitOf(0));
    expect(() => store.commit({ ...commitOf(1), intents: commitOf(0).intents })).toThrow();
    expect(() => store.commit({ ...commitOf(1), fills: commitOf(0).fills })).toThrow();
    expect([store.intents().length, store.fills().length, store.outbox(-1, 10).length, store.state?.seq]).toEqual([1, 1, 1, 1]);
    store.close();
  });

  it('gives a command once, moves cursors forwards only, and drops what every sink has', async () => {
    const store = await open();
    expect(store.takeCommand()).toBeUndefined();
    store.order('close');
    expect([store.takeCommand()?.mode, store.takeCommand()]).toEqual(['close', undefined]);
    for (let number = 0; number < 3; number++) store.commit(commitOf(number));
    expect(store.cursor('store')).toBe(-1);
    store.advance('store', 1);
    store.advance('store', 0);
    expect([store.cursor('store'), store.outbox(store.cursor('store'), 10).map(({ seq }) => seq)]).toEqual([1, [2]]);
    store.heartbeat({ phase: 'working' });
    expect(store.lastHeartbeat).toMatchObject({ pid: process.pid, facts: { phase: 'working' } });
    store.close();
  });
});

describe('a journal in a file', () => {
  const made = async (name: string): Promise<{ directory: string; store: SqliteRunStore; path: string }> => {
    const directory = join(folder, name);
    const store = await createRunStore(directory, CONFIG);
    for (let number = 0; number < 40; number++) store.commit(commitOf(number));
    return { directory, store, path: store.path };
  };

  it('drops what every sink has, but alarms of the last day: those who send them may be down', async () => {
    const store = await createRunStore(join(FAST, `mdtool-prune-${process.pid}`), CONFIG);
    const { state, outbox } = commitOf(0);
    const hour = 3_600_000_000;
    const eventOf = (seq: number, severity: 'routine' | 'alarm', age: number) => {
      const timestamp = Date.now() * 1_000 - age;
      return { seq, record: { ...(outbox[0] as OutboxRow).record, seq, severity, timestamp } as OutboxRow['record'] };
    };
    const old = [eventOf(0, 'alarm', hour), eventOf(1, 'routine', hour), eventOf(2, 'alarm', 25 * hour)];
    const rest = Array.from({ length: 1_100 }, (_, index) => eventOf(index + 3, 'routine', hour));
    const nothing = { state, intents: [], orders: [], fills: [] };
    store.commit({ ...nothing, outbox: [...old, ...rest] });
    store.advance('store', 1_102);
    for (let commits = 1; commits < 256; commits++) store.commit({ ...nothing, outbox: [] });
    const kept = store.outbox(-1, 2_000).map(({ seq }) => seq);
    expect([kept.length, kept[0], kept[1], kept.at(-1)]).toEqual([1_001, 0, 103, 1_102]);
    store.close();
    rmSync(join(FAST, `mdtool-prune-${process.pid}`), { recursive: true });
  });

  it('writes every commit through to the disk', async () => {
    const { store, directory } = await made('full');
    expect(store.synchronous).toBe(2);
    store.close();
    const again = await openRunStore(directory);
    expect(again.synchronous).toBe(2);
    again.close();
  });

  it('is copied whole while it is written, and never over another file', async () => {
    const { store, directory } = await made('copied');
    const copy = join(folder, 'backup', 'run.db');
    await expect(backupRun(directory, copy)).rejects.toThrow(/cannot be written/);
    mkdirSync(join(folder, 'backup'));
    await backupRun(directory, copy);
    await expect(backupRun(directory, copy)).rejects.toThrow(/exists/);
    const opened = await openRunStore(join(folder, 'backup'), { readOnly: true });
    expect([opened.state?.seq, opened.fills().length, opened.config.name]).toEqual([40, 40, 'eth']);
    opened.close();
    store.close();
  });

  it('is read by another process while it is written', async () => {
    const { store, directory } = await made('both');
    const reader = await openRunStore(directory, { readOnly: true });
    store.commit(commitOf(40));
    expect(reader.state?.seq).toBe(41);
    reader.close();
    store.close();
  });

  const damages: [string, (path: string) => void][] = [
    ['cut in half', (path) => truncateSync(path, 8_192)],
    ['with a zeroed header', (path) => writeFileSync(path, Buffer.alloc(100), { flag: 'r+' })],
    ['emptied', (path) => truncateSync(path, 0)],
    ['overwritten', (path) => writeFileSync(path, 'not a database at all')],
  ];
  it.each(damages)('%s is refused with exit 4, and left as it is (S54)', async (name, damage) => {
    const { store, directory, path } = await made(`damaged ${name}`);
    store.close();
    damage(path);
    await expect(openRunStore(directory)).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining(path) });
  });

  it('of a newer version, or of somebody else, is refused', async () => {
    const { store, directory, path } = await made('newer');
    store.close();
    const database = await openDatabase(path);
    database.exec('pragma user_version = 99');
    database.close();
    await expect(openRunStore(directory)).rejects.toMatchObject({ exitCode: 4, message: /newer mdtool/ });
    const other = join(folder, 'other');
    const foreign = await createRunStore(other, CONFIG);
    foreign.close();
    const again = await openDatabase(join(other, 'run.db'));
    again.exec('pragma application_id = 7');
    again.close();
    await expect(openRunStore(other)).rejects.toMatchObject({ exitCode: 4, message: /not the journal of a run/ });
  });

  it('without its WAL is an older state: what is missing was committed to the WAL only (S54)', async () => {
    const { store, directory, path } = await made('wal');
    const copy = join(folder, 'copy');
    (await createRunStore(copy, CONFIG)).close();
    copyFileSync(path, join(copy, 'run.db'));
    store.close();
    const old = await openRunStore(copy).catch(() => undefined);
    expect(old?.state?.seq ?? 0).not.toBe(40);
    expect((await openRunStore(directory)).state?.seq).toBe(40);
  });

  it('is held by one process: a second one is refused, and SIGKILL lets it go (S25)', async () => {
    const path = join(folder, 'run.lock');
    const script = `import { DatabaseSync } from '@photostructure/sqlite';
      const d = new DatabaseSync(${JSON.stringify(path)}); d.exec('pragma journal_mode = delete'); d.exec('begin exclusive');
      process.stdout.write('held'); setInterval(() => d.prepare, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: join(import.meta.dirname, '../../..') });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(await lockFile(path)).toBeUndefined();
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const release = await lockFile(path);
    expect(release).toBeDefined();
    expect(await lockFile(path)).toBeUndefined();
    release?.();
    expect(await lockFile(path)).toBeDefined();
  });
});
