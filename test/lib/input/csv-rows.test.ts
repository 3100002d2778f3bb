import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import papaparse from 'papaparse';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCsvRows } from '../../../src/lib/input/csv-rows.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'csv-rows-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function rowsOf(content: string | Buffer): Promise<(readonly string[])[]> {
  const path = join(directory, 'rows.csv');
  await writeFile(path, content);
  const found: (readonly string[])[] = [];
  for await (const { rows } of readCsvRows(path)) found.push(...rows);
  return found;
}

const withoutBlank = (rows: readonly (readonly string[])[]) => rows.filter((cells) => cells.length > 1 || cells[0] !== '');
/** What papaparse makes of the whole text at once; its own guess of a delimiter looks at ragged rows too, and can be wrong. */
const expected = (text: string, delimiter = ',') =>
  withoutBlank(papaparse.parse<string[]>(text.replace(/^\ufeff/, ''), { delimiter }).data);

it('are those of the whole text: quotes, quoted line ends, CRLF, a byte order mark, other delimiters, no last line end', async () => {
  const cell = fc.oneof(
    fc.constantFrom('', '1.5', 'a', 'a"b', '""', '"a"', '"a,b"', '"a""b"', '"a\nb"', '"[[1,2],[3,4]]" ', 'é'),
    fc.integer().map(String),
  );
  const row = fc.array(cell, { minLength: 2, maxLength: 4 });
  const text = fc
    .tuple(
      fc.array(row, { minLength: 1, maxLength: 12 }),
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom(',', ';', '\t'),
      fc.constantFrom('', '\ufeff'),
      fc.boolean(),
    )
    .map(([rows, end, delimiter, mark, isClosed]) => {
      const lines = [['time', 'price', 'amount'], ...rows].map((cells) => cells.join(delimiter));
      const whole = mark + lines.join(end) + end;
      return { whole, delimiter, content: isClosed ? whole : whole.slice(0, -end.length) };
    });
  await fc.assert(
    fc.asyncProperty(text, async ({ whole, delimiter, content }) => {
      expect(withoutBlank(await rowsOf(content))).toEqual(expected(whole, delimiter));
    }),
    { numRuns: 150 },
  );
});

it('do not depend on where a chunk ends, within a quoted cell or not', async () => {
  const levels = `"[[${Array.from({ length: 40 }, (_, level) => `${level},\n""${level}""`).join('],[')}]]"`;
  const lines = Array.from({ length: 3000 }, (_, row) => `${row},${row % 3 === 0 ? levels : row}`);
  const text = `row,levels\n${lines.join('\n')}\n`;
  for (const content of [text, gzipSync(text)]) expect(withoutBlank(await rowsOf(content))).toEqual(expected(text));
});

it('end with the rest of the file in one cell when a quote is never closed', async () => {
  const rows = Array.from({ length: 40_000 }, (_, row) => `${row},open`);
  const found = await rowsOf(`row,state\n1,closed\n2,"${rows.join('\n')}\n`);
  expect(found.slice(0, 2)).toEqual([
    ['row', 'state'],
    ['1', 'closed'],
  ]);
  expect(found.length).toBe(3);
  expect(found[2]?.[1]?.endsWith('39999,open\n')).toBe(true);
});
