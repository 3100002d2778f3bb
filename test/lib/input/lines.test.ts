import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { OVERLONG, readLines } from '../../../src/lib/input/lines.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function linesOf(content: string | Buffer): Promise<string[]> {
  const path = join(folder, 'lines.ndjson');
  writeFileSync(path, content);
  const lines: string[] = [];
  for await (const batch of readLines(path)) lines.push(...batch.lines);
  return lines;
}

describe('lines', () => {
  it('are put together over many chunks, also characters of several bytes and a last one without an end', async () => {
    const written = ['', 'a', '×'.repeat(150_001), 'b', '€'.repeat(90_000), '', 'end'];
    expect(await linesOf(written.join('\n'))).toEqual(written);
    expect(await linesOf(`${written.join('\n')}\n`)).toEqual([...written, ''].slice(0, -1));
  });

  it('beyond all sense keep their beginning, are no JSON any more, and do not swallow those after them', async () => {
    const huge = Buffer.alloc((1 << 26) + 10, ' ');
    huge.write('{"a":1}');
    const lines = await linesOf(Buffer.concat([Buffer.from('first\n'), huge, Buffer.from('\nlast\n')]));
    expect([lines.length, lines[0], lines[2]]).toEqual([3, 'first', 'last']);
    expect(lines[1]).toMatch(/^\{"a":1\} +/);
    expect(lines[1]?.endsWith(OVERLONG)).toBe(true);
    expect(() => JSON.parse(lines[1] ?? '')).toThrow();
  });
});
