import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommitLog } from '../../../../src/lib/storage/log/commit-log.js';
import type { StoredFile } from '../../../../src/lib/storage/log/store-state.js';
import { temporaryDirectory } from '../support.js';

function file(name: string): StoredFile {
  const path = `trade/exchange=bybit/market=spot/date=2026-11-20/${name}.parquet`;
  return { path, rows: 1, bytes: 1, min: 0, max: 1, segments: [] };
}

async function logDirectory(): Promise<string> {
  const directory = join(await temporaryDirectory(), 'log');
  await mkdir(directory);
  return directory;
}

describe('CommitLog', () => {
  it('decides every change on the state it is applied to, however many change it at once', async () => {
    const directory = await logDirectory();
    const logs = Array.from({ length: 8 }, () => new CommitLog(directory));
    const increment = (log: CommitLog) =>
      log.commit((state) => ({ at: 0, metadata: { n: String(Number(state.metadata.get('n') ?? 0) + 1) } }));
    // 240 changes: three checkpoints, with what lies before the second one deleted.
    for (let round = 0; round < 30; round++) await Promise.all(logs.map(increment));
    for (const log of [...logs, new CommitLog(directory)]) expect((await log.read()).metadata.get('n')).toBe('240');
    const names = await readdir(directory);
    expect(names.filter((name) => name.includes('checkpoint'))).toHaveLength(2);
    expect(names.length).toBeLessThan(190);
  });

  it('gives the same state from a checkpoint as from all changes', async () => {
    const directory = await logDirectory();
    const log = new CommitLog(directory);
    const entry = { step: 'x', owner: { host: 'h', boot: 'b', pid: 1, start: '1' }, claims: [] };
    await log.commit(() => ({
      at: 5,
      seal: 'w-0',
      add: [file('a'), { ...file('b'), symbols: ['X'] }],
      open: { writer: 'w', entry },
    }));
    await log.commit(() => ({ at: 6, add: [{ ...file('c'), merged: true, overlay: true }], remove: [file('a').path] }));
    for (let n = 0; n < 200; n++) await log.commit(() => ({ at: n, metadata: { [`s${n % 3}`]: String(n) } }));
    const fresh = await new CommitLog(directory).read();
    expect(fresh.encode()).toBe((await log.read()).encode());
    expect(fresh.partition({ type: 'trade', exchange: 'bybit', market: 'spot', date: '2026-11-20' })).toHaveLength(2);
  });

  it('catches up with a log that went past its checkpoints meanwhile', async () => {
    const directory = await logDirectory();
    const slow = new CommitLog(directory);
    const busy = new CommitLog(directory);
    await slow.commit(() => ({ at: 0, metadata: { n: '0' } }));
    for (let n = 1; n <= 300; n++) await busy.commit(() => ({ at: 0, metadata: { n: String(n) } }));
    expect((await slow.read()).metadata.get('n')).toBe('300');
  });

  it('changes nothing when nothing is decided', async () => {
    const log = new CommitLog(await logDirectory());
    expect(await log.commit(() => undefined)).toBe(false);
    expect((await log.read()).version).toBe(0);
  });

  it('fails, naming the file, when a change is damaged or missing', async () => {
    const directory = await logDirectory();
    const log = new CommitLog(directory);
    for (let n = 0; n < 3; n++) await log.commit(() => ({ at: n }));
    const second = join(directory, '00000000000000000002.json');
    await writeFile(second, '{"at":');
    await expect(new CommitLog(directory).read()).rejects.toThrow(second);
    await rm(second);
    await expect(new CommitLog(directory).read()).rejects.toThrow(/is missing, so the state of the store is unknown/);
  });
});
