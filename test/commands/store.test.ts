import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture } from '../support/frames.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const CONTENT: Record<string, { rows: number }> = JSON.parse(readFileSync(fixture('store-0.1.0.json'), 'utf8'));
const ROWS = Object.values(CONTENT).reduce((sum, { rows }) => sum + rows, 0);

const folder = mkdtempSync(join(tmpdir(), 'store command '));
const store = join(folder, 'store');
beforeAll(() => {
  cpSync(fixture('store-0.1.0'), store, { recursive: true });
  // The last sign of its writer is old, whenever the fixture was checked out.
  for (const name of readdirSync(join(store, 'state')).filter((entry) => entry.endsWith('.alive')))
    utimesSync(join(store, 'state', name), 1, 1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => mdtoolHere(['store', ...args]);
const formatOf = (directory: string) => JSON.parse(readFileSync(join(directory, 'mdtool-store.json'), 'utf8')).format;
const verify = async (directory: string) => (await mdtoolHere(['verify', '--store', directory, '--quiet'])).stdout;

describe('store, over one that 0.1.0 wrote', () => {
  it('info shows format, sizes, writers and journals, and changes nothing', async () => {
    const { stdout, code } = await run('info', '--store', store);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^format {4}1; mdtool store upgrade makes it 2/m);
    expect(stdout).toMatch(/^writer {4}"stream" ended early \(pid \d+ on /m);
    expect(stdout).toMatch(/^journals {2}1 journal, [\d.]+ kB not sealed yet; 1 of runs that ended early: mdtool store repair/m);
    expect(stdout).toMatch(/^instrument +2 +1,357 /m);
    expect(formatOf(store)).toBe(1);
  });

  it('info --by sums the same records up by day and symbol', async () => {
    for (const by of ['type', 'day', 'exchange,market,symbol']) {
      const { stdout } = await run('info', '--by', by, '--store', store, '--json');
      const { data, records_sealed, bytes, format } = JSON.parse(stdout);
      const sum = (key: string) => data.reduce((total: number, row: Record<string, number>) => total + (row[key] as number), 0);
      expect([by, sum('records'), Math.abs(sum('bytes') - bytes) <= data.length, format]).toEqual([by, records_sealed, true, 1]);
    }
    expect(await run('info', '--by', 'colour', '--store', store)).toMatchObject({ code: 2 });
  });

  it('backup copies it in its own format, unsealed records included, and restore brings it back', async () => {
    const before = await verify(store);
    for (const place of [join(folder, 'backup'), join(folder, 'backup.tar')]) {
      const made = await run('backup', place, '--store', store);
      expect([made.code, made.stderr]).toEqual([
        0,
        expect.stringContaining(`store backup: ${ROWS.toLocaleString('en')} records`),
      ]);
      const restored = `${place} restored`;
      expect((await run('restore', place, '--store', restored)).code).toBe(0);
      expect(await verify(restored)).toBe(before);
      expect([formatOf(store), formatOf(restored)]).toEqual([1, 1]);
      expect(await run('restore', place, '--store', restored)).toMatchObject({ code: 2 });
    }
  });

  it('upgrade gives it the format of today, once', async () => {
    expect((await run('upgrade', '--store', store)).stderr).toMatch(/had format 1 and has format 2 now/);
    expect((await run('upgrade', '--store', store)).stderr).toMatch(/has format 2; nothing to do/);
    const { stdout } = await mdtoolHere(['query', '--store', store, '--quiet', '--format', 'ndjson']);
    const rows = stdout.split('\n').filter(Boolean);
    for (const [type, { rows: count }] of Object.entries(CONTENT))
      expect(rows.map((line) => JSON.parse(line)).find(({ view }) => view === type)).toMatchObject({ records: count });
  });

  it('repair seals the journal that its killed run left, once', async () => {
    expect((await run('repair', '--store', store)).stderr).toMatch(/sealed 1 journal with 32 records/);
    expect((await run('repair', '--store', store)).stderr).toMatch(/nothing to do/);
  });

  it('repair rebuilds a lost log', async () => {
    const before = await verify(store);
    rmSync(join(store, 'state/log'), { recursive: true });
    expect((await mdtoolHere(['query', 'select 1 from trade', '--store', store])).stderr).toMatch(/mdtool store repair/);
    expect((await run('repair', '--store', store)).stderr).toMatch(/rebuilt .*log from/);
    for (const type of ['trade', 'book_delta'])
      expect((await mdtoolHere(['query', `select count(*) as n from ${type}`, '--store', store, '--quiet'])).stdout).toContain(
        `${CONTENT[type]?.rows}`,
      );
    expect(before).toContain('"verdict":"whole"');
  });

  it.each([['info'], ['upgrade'], ['repair'], ['backup', join(folder, 'never')]])(
    '%s refuses a newer store by its format',
    async (...args) => {
      const newer = join(folder, 'newer');
      cpSync(store, newer, { recursive: true });
      writeFileSync(join(newer, 'mdtool-store.json'), '{"store":"mdtool","format":3}');
      const { code, stderr } = await run(...args, '--store', newer);
      expect([code, stderr]).toEqual([1, expect.stringContaining('has store format 3, but this mdtool reads formats up to 2')]);
    },
  );

  it('needs a store', async () => {
    for (const args of [['info'], ['upgrade'], ['repair'], ['backup', 'x']])
      expect(await run(...args, '--store', join(folder, 'nowhere'))).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('no store in'),
      });
    expect(await run('restore', join(folder, 'nowhere'), '--store', join(folder, 'new'))).toMatchObject({ code: 2 });
  });
});
