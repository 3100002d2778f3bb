import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, RecordOf } from '../../src/lib/model/records.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { finished, ROOT, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { syntheticMarket } from '../support/synthetic-market.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-own-'));
const path = (name: string) => join(folder, name);
const START = 1_795_132_800_000_000;
const records = [...syntheticMarket({ seed: 5, start: START, hours: 0.1, denseHours: 0.1, events: [] })];
const OWN = join(ROOT, 'examples/flow-balance.js');
const run = (...args: string[]) => mdtoolHere(args, { cwd: folder });

type Row = RecordOf<'features'>;
const ownOf = (row: Row) => row.own as Readonly<Record<string, number>> | undefined;
const rowsOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{"type":"features"'))
    .map((line) => decodeRecord(line) as Row);

beforeAll(() => writeFileSync(path('market.ndjson'), records.map((record) => `${encodeRecord(record)}\n`).join('')));
afterAll(() => rmSync(folder, { recursive: true }));

function module(name: string, body: string): string {
  writeFileSync(path(name), body);
  return path(name);
}

describe('features --feature', () => {
  it('computes the same from a file, a pipe and a store in parts, equal to a plain sum', async () => {
    const args = ['--feature', OWN, '--window', 'flow_balance=30s', '--rows', 'features'];
    const rows = rowsOf((await run('features', 'market.ndjson', ...args)).stdout);
    expect(rows).toHaveLength(360);
    const volumes = (row: Row, side: string) =>
      records.reduce((sum, record) => {
        const isIn = record.type === 'trade' && record.timestamp >= row.timestamp - 30e6 && record.timestamp < row.timestamp;
        return isIn && record.side === side ? sum + record.amount : sum;
      }, 0);
    for (const [index, row] of rows.entries()) {
      if (index < 29) expect(row.detail).toMatchObject({ flow_balance: 'warming' });
      if (index < 29 || index % 40 !== 0) continue;
      const [bought, sold] = [volumes(row, 'buy'), volumes(row, 'sell')];
      expect(ownOf(row)?.flow_balance).toBeCloseTo((bought - sold) / (bought + sold), 9);
    }
    const piped = await mdtoolHere(['features', '-', ...args], {
      cwd: folder,
      input: records.map((r) => `${encodeRecord(r)}\n`).join(''),
    });
    expect(rowsOf(piped.stdout).slice(0, 358).map(ownOf)).toEqual(rows.slice(0, 358).map(ownOf));
    const middle = START + 200_500_000;
    for (const part of [(r: AnyRecord) => r.timestamp < middle, (r: AnyRecord) => r.timestamp >= middle]) {
      const writer = await openStoreWriter(path('store'), { step: 'test' });
      await writer.write(records.filter((record) => record.type !== 'clock' && part(record)));
      await writer.close();
      const stored = await run('features', '--store', 'store', '--feature', OWN, '--window', 'flow_balance=30s');
      expect(stored.code, stored.stderr).toBe(0);
    }
    const sql = "select (own->>'flow_balance')::double as v from features order by timestamp";
    const values = (await run('query', sql, '--store', 'store', '--format', 'json')).stdout;
    const expected = rows.map((row) => ownOf(row)?.flow_balance);
    const found = (JSON.parse(values) as { v?: number }[]).map(({ v }) => v);
    expect(found).toEqual(expected.slice(0, found.length));
    expect(found.length).toBeGreaterThan(355);
  });

  it('refuses to mix rows with and without it, or of two versions', async () => {
    expect(await run('features', '--store', 'store')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('name its module with --feature'),
    });
    const other = module(
      'other.js',
      `export const name = 'flow_balance', inputs = ['trade'], window = 30;\nexport const create = () => ({ update: () => 1 });\n`,
    );
    expect(await run('features', '--store', 'store', '--feature', other)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('with another version of its module'),
    });
  });

  it('feeds the triggers of signals, says when no row has it, and is kept in the signal', async () => {
    const loose = ['--gates', 'none', '--min-atr', '0', '--store', 'store', '-o', '-', '--format', 'json'];
    const none = await run('signals', ...loose, '--triggers', 'flow_balnce=0.1');
    expect(none.stderr).toContain('no row has a value of flow_balnce');
    expect(none.stdout).toBe('[]\n');
    const explained = await run('signals', ...loose, '--triggers', 'flow_balance=0.2', '--explain');
    expect(explained.stderr).toMatch(/rejected .* (long|short): price; .*flow_balance [+-]0\.\d\d/);
    expect(await run('signals', '--store', 'store', '--triggers', 'flow_balance')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('flow_balance needs a threshold'),
    });
  });

  it('is tested like the others: state outside of create, and a short warm-up, are found', async () => {
    const args = ['--cuts', '2', '--window', 'delta_z=30s'];
    const good = await run('features', 'test', 'market.ndjson', '--feature', OWN, ...args);
    expect(good.code, good.stdout).toBe(0);
    expect(good.stdout).toMatch(/flow_balance/);
    const shared = module(
      'shared.js',
      `let n = 0;\nexport const name = 'calls', inputs = ['trade'], window = 1;\nexport const create = () => ({ update: () => ++n });\n`,
    );
    expect(await run('features', 'test', 'market.ndjson', '--feature', shared, ...args)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('calls'),
    });
    const young = module(
      'young.js',
      `export const name = 'age', inputs = ['trade'], window = 2;\nexport const create = () => { let n = 0; return { update: () => Math.min(++n, 50) }; };\n`,
    );
    const failed = await run('features', 'test', 'market.ndjson', '--feature', young, ...args);
    expect(failed).toMatchObject({ code: 1, stdout: expect.stringMatching(/age.*2/) });
  });

  it.each([
    [
      'a thrown error',
      'create() {\n  return { update() {\n    return foo;\n  } };\n}',
      /m\.js:4:5: foo is not defined \(in update\)/,
    ],
    [
      'a value that is no number',
      'create() { return { update: () => Number.NaN }; }',
      /m\.js: expected a finite number, .* was NaN \(in update\)/,
    ],
    ['a promise', 'create() { return { async update() { return 1; } }; }', /m\.js: it returns a promise.*\(in update\)/],
    [
      'a change of the second',
      'create() { return { update(second) { second.close = 1; } }; }',
      /m\.js:2:\d+: Cannot assign.*\(in update\)/,
    ],
    ['an error in create', 'create() { throw new Error("no"); }', /m\.js:2:\d+: no \(in create\)/],
  ])('names file, line and hook of %s', async (name, body, message) => {
    const file = module(
      `${name.replaceAll(' ', '-')}-m.js`,
      `export const name = 'x', inputs = ['trade'], window = 1;\nexport function ${body}\n`,
    );
    const { code, stderr } = await run('features', 'market.ndjson', '--feature', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each([
    ["export const name = 'Bad Name';", /expected an export "name"/],
    ["export const name = 'delta_z';", /a name that no feature of mdtool has/],
    ["export const name = 'x', inputs = ['trades'];", /did you mean trade/],
    ["export const name = 'x', inputs = ['trade'], window = 0.5;", /"window" in whole seconds/],
    ["export const name = 'x', inputs = ['trade'], window = 5;", /an exported function "create"/],
  ])('names what a module lacks: %s', async (body, message) => {
    const file = module(`lacks-${body.length}.js`, body);
    expect(await run('features', 'market.ndjson', '--feature', file)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(message),
    });
  });

  it('names the line of a module that cannot be read', async () => {
    const file = module('broken.js', 'export const a = 1;\nexport const b = ;\n');
    const { code, stderr } = await run('features', 'market.ndjson', '--feature', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot load .*broken\.js:2: Unexpected token/);
    const typed = module('broken.ts', 'export const a: number = 1;\nexport const b = ;\n');
    const typedRun = await run('features', 'market.ndjson', '--feature', typed);
    expect(typedRun).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/cannot load .*broken\.ts(:2:17: Unexpected ";")?/),
    });
    const absent = await run('features', 'market.ndjson', '--feature', path('absent.js'));
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining('absent.js: no such file') });
  });
});

describe('backtest --strategy FILE', () => {
  it('names file, line and hook of an error, alone and in a sweep', async () => {
    const file = module(
      'breakout.js',
      `export const parameters = { a: 1 };\nexport function create() {\n  return {\n    bar() {\n      foo();\n    },\n  };\n}\n`,
    );
    const args = [
      'backtest',
      join(ROOT, 'fixtures/btc-perp-1m-2022-01.csv.gz'),
      '--since',
      '2022-01-02',
      '--until',
      '2022-01-03',
      '--strategy',
      file,
    ];
    const alone = await run(...args);
    expect(alone).toMatchObject({ code: 1, stderr: expect.stringMatching(/breakout\.js:5:7: foo is not defined \(in bar\)\n$/) });
    expect(alone.stderr).not.toContain('internal');
    const swept = await run(...args, '--sweep', 'a=1,2');
    expect(swept).toMatchObject({ code: 1, stderr: expect.stringMatching(/breakout\.js:5:7: foo is not defined \(in bar\)/) });
    const typed = module(
      'typed.ts',
      `export function create(): { bar(x: number): void } {\n  return {\n    bar(x: number) {\n      throw new Error('typed');\n    },\n  };\n}\n`,
    );
    // A process of its own: the test runner reads source maps in its own way.
    expect((await finished(start([...args.slice(0, -1), typed]))).stderr).toMatch(/typed\.ts:4:\d+: typed \(in bar\)/);
  });
});
