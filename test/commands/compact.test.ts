import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { retentionOf } from '../../src/commands/compact/flags.js';
import { startStep } from '../../src/lib/storage/journal/step-lock.js';
import { treeOf } from '../lib/storage/compact-support.js';
import { trades, writeRun } from '../lib/storage/support.js';
import { mdtool } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-compact-'));
const store = join(folder, 'data');
const env = { MDTOOL_STORE: store };
const compact = (...args: string[]) => mdtoolHere(['compact', ...args], { env });
const LONG_AGO = Date.parse('2024-03-01T00:00:00Z') * 1000;
const at = (n: number) => ({ timestamp: LONG_AGO + n * 1000, localTimestamp: LONG_AGO + n * 1000 + 5 });
const old = (from: number, until: number) => trades(from, until).map((trade, index) => ({ ...trade, ...at(from + index) }));

beforeAll(async () => {
  await writeRun(store, old(0, 300), { now: () => 0 });
  await writeRun(store, old(300, 500), { now: () => 0 });
  await writeRun(
    store,
    old(0, 100).map((trade) => ({ ...trade, timestamp: trade.timestamp + 1e11 })),
    { now: () => 0 },
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('compact', () => {
  it('refuses what --keep cannot mean, in one line', async () => {
    const { code, stderr } = await compact('--keep', 'trades=90d');
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^mdtool: .*expected a record type such as trade .* was "trades"\n$/),
    ]);
    expect(() => retentionOf('90')).toThrow(/--keep: expected a duration such as .* was "90"/);
    expect(() => retentionOf('12h')).toThrow(/--keep: expected at least 1d, was "12h"/);
    expect(() => retentionOf('90d,30d')).toThrow(/expected one age without a type/);
    expect(() => retentionOf('trade=90d,trade=30d')).toThrow(/trade appears twice/);
    expect(() => retentionOf(',')).toThrow(/--keep: expected 90d or trade=90d/);
  });

  it('says what it would do and does it, with the same figures, and nothing on stdout but --json', async () => {
    const tree = treeOf(store);
    const rehearsed = await compact('--dry-run', '--json');
    expect(treeOf(store)).toEqual(tree);
    const { data } = JSON.parse(rehearsed.stdout);
    expect(data).toEqual([
      {
        action: 'merge',
        type: 'trade',
        exchange: 'bybit',
        market: 'linear',
        date: '2024-03-01',
        files_before: 2,
        files_after: 1,
        records_before: 500,
        records_after: 500,
        duplicates: 0,
        bytes_before: expect.any(Number),
        bytes_after: expect.any(Number),
      },
    ]);
    const { code, stdout, stderr } = await mdtool(['compact'], { env });
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^compact: 500 trades merged in [\d.]+ s \(1 partition; 2 → 1 file; [\d.]+ kB → [\d.]+ kB\)\n$/);
    const again = await compact('--json', '--quiet');
    expect(JSON.parse(again.stdout)).toMatchObject({ exit_code: 0, partitions: 0, data: [] });
    expect(again.stderr).toBe('');
  });

  it('says what it removes before it does, by type, and ends with 0', async () => {
    const rehearsed = await compact('--keep', 'trade=30d', '--dry-run');
    expect(rehearsed.stderr).toMatch(/^would delete trade of 2 days, 2024-03-01 to 2024-03-02: 600 records, [\d.]+ kB\n/);
    const { code, stderr } = await compact('--keep', '30d', '--until', '2024-03-02');
    expect([code, stderr.split('\n')[0]]).toEqual([0, expect.stringMatching(/^deleting trade of 2024-03-01: 500 records/)]);
    const { stdout } = await mdtoolHere(['query', 'SELECT count(*)::int AS n FROM trade', '--store', store]);
    expect(JSON.parse(stdout)).toEqual({ n: 100 });
  });

  it('says when candles are removed that candles builds again of trades that stay', async () => {
    const built = join(folder, 'built');
    await writeRun(built, old(0, 50), { now: () => 0 });
    expect((await mdtoolHere(['candles', '--store', built, '--quiet'])).code).toBe(0);
    const warning = 'deleting candles whose trades are kept; the next run of mdtool candles rebuilds them';
    expect((await compact('--store', built, '--keep', 'candle=30d', '--dry-run')).stderr).toContain(warning);
    expect((await compact('--store', built, '--keep', '30d', '--dry-run')).stderr).not.toContain(warning);
    rmSync(built, { recursive: true });
  });

  it('ends with 1 when a day could not be compacted, and has done the others', async () => {
    const damaged = join(folder, 'damaged');
    for (const [from, until] of [
      [0, 50],
      [50, 100],
    ] as const)
      for (const later of [0, 1e11])
        await writeRun(
          damaged,
          old(from, until).map((trade) => ({ ...trade, timestamp: trade.timestamp + later })),
          { now: () => 0 },
        );
    const file = readdirSync(damaged, { recursive: true, encoding: 'utf8' }).find((name) => /2024-03-01.*parquet$/.test(name));
    const path = join(damaged, file as string);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0, 400, 401));
    const { code, stdout, stderr } = await compact('--store', damaged, '--json');
    expect([code, stderr]).toEqual([1, expect.stringContaining(`mdtool: ${path} was changed after it was written`)]);
    expect(JSON.parse(stdout)).toMatchObject({ exit_code: 1, partitions: 1, data: [{ date: '2024-03-02', records_after: 100 }] });
    rmSync(damaged, { recursive: true });
  });

  it('leaves a store alone that another run is compacting, and a directory that is none', async () => {
    const step = await startStep(store, 'compact', { wait: false });
    const { code, stderr } = await compact();
    expect([code, stderr]).toEqual([0, expect.stringContaining('another run is using this store; --wait waits for it')]);
    await step?.release();
    const nothing = await compact('--store', join(folder, 'none'));
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('there is no such directory')]);
    expect(readdirSync(folder)).toEqual(['data']);
    expect((await compact('--store', folder)).code).toBe(2);
  });
});
