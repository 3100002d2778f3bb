import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture } from '../../support/frames.js';
import { mdtoolHere } from '../../support/mdtool-here.js';

type Content = { readonly rows: number; readonly sha256: string };

const CONTENT: Record<string, Content> = JSON.parse(readFileSync(fixture('store-0.1.0.json'), 'utf8'));

const directory = mkdtempSync(join(tmpdir(), 'store-fixture-'));
beforeAll(() => cpSync(fixture('store-0.1.0'), directory, { recursive: true }));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const onCopy = (...args: string[]) => mdtoolHere([...args, '--store', directory, '--format', 'ndjson', '--quiet']);
const rowsOf = (ndjson: string) => ndjson.split('\n').slice(0, -1);

describe('a store of version 0.1.0', () => {
  it.each(Object.keys(CONTENT))('still has every %s', async (type) => {
    const { stdout, code } = await onCopy('query', `select * from ${type} order by all`);
    expect({ code, rows: rowsOf(stdout).length }).toEqual({ code: 0, rows: CONTENT[type]?.rows });
    expect(createHash('sha256').update(stdout).digest('hex')).toBe(CONTENT[type]?.sha256);
  });

  it('is listed by query with all of its types', async () => {
    const { stdout, code } = await onCopy('query');
    const listed = new Map(rowsOf(stdout).map((line) => [JSON.parse(line).view, JSON.parse(line).records]));
    expect(code).toBe(0);
    for (const [type, { rows }] of Object.entries(CONTENT)) expect([type, listed.get(type)]).toEqual([type, rows]);
  });

  it('has the gap of one book, and nothing else that verify finds', async () => {
    const { stdout, code } = await onCopy('verify', '--exchange', 'bybit', '--channels', 'book');
    const found = rowsOf(stdout)
      .map((line) => JSON.parse(line))
      .filter(({ verdict }) => verdict !== 'whole')
      .map(({ verdict, symbol, channel }) => [verdict, symbol, channel]);
    expect(found).toEqual([['hole', 'ETHUSDT', 'book']]);
    expect(code).toBe(3);
  });

  it('is verified and brought up to date although its derived files lack the columns of today', async () => {
    const verified = await onCopy('verify');
    expect([verified.code, verified.stderr]).toEqual([3, 'mdtool: verify found 2 holes\n']);
    for (const step of ['features', 'signals']) expect((await onCopy(step, '-o', 'store')).code).toBe(0);
  });
});
