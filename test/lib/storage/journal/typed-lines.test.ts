import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import { type TypedLines, typedLines } from '../../../../src/lib/storage/journal/typed-lines.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { bookRecord, tickerRecord, tradeRecord } from '../../../support/records.js';
import { readAll, START, temporaryDirectory, tradeAt } from '../support.js';

const HEADER = '{"type":"journal","segment":"s-0"}\n';

/** Returns the lines of a journal by type, and where they are. */
async function linesOf(text: string) {
  const directory = await temporaryDirectory();
  const journal = join(directory, 'journal.ndjson');
  await writeFile(journal, text);
  const found = await typedLines(journal, async () => directory);
  const textOf = async ({ path, lines }: TypedLines) => [lines, await readFile(path, 'utf8'), path === journal] as const;
  return new Map(await Promise.all([...found].map(async ([type, lines]) => [type, await textOf(lines)] as const)));
}

describe('the lines of a journal by type', () => {
  it('stay where they are when they are of one type', async () => {
    const text = `${HEADER}${encodeRecord(tradeRecord())}\n${encodeRecord(tradeRecord({ id: 'b' }))}\n`;
    expect(await linesOf(text)).toEqual(new Map([['trade', [2, text, true]]]));
    expect(await linesOf(HEADER)).toEqual(new Map());
    expect(await linesOf('')).toEqual(new Map());
  });

  it('are told apart in any order, across the pieces that are read, and of any length', async () => {
    const asks = Array.from({ length: 400_000 }, (_, level) => [65_000 + level, 1] as const);
    const records = Array.from({ length: 30_000 }, (_, n) => {
      if (n === 7) return { ...bookRecord, asks };
      if (n % 5 === 0) return { ...bookRecord, depth: n };
      return n % 7 < 3 ? tradeRecord({ id: 'é'.repeat(n % 90) + n }) : { ...tickerRecord, last: n };
    });
    const lines = records.map((record) => `${encodeRecord(record)}\n`);
    const found = await linesOf(HEADER + lines.join(''));
    expect([...found.keys()].sort()).toEqual(['book_snapshot', 'ticker', 'trade']);
    for (const [type, [count, text]] of found) {
      const own = lines.filter((_, n) => records[n]?.type === type);
      expect(count).toBe(own.length);
      expect(text === own.join('')).toBe(true);
    }
  });

  it('are of no type when they do not begin as a line of the writer', async () => {
    const trade = encodeRecord(tradeRecord());
    const others = ['{ "type": "trade" }', '{"type":"tra', '', 'x', '{"type":"trades","id":1}', trade.slice(0, 14)];
    const found = await linesOf(`${[HEADER.trim(), trade, ...others].join('\n')}`);
    expect(found.get('trade')?.[0]).toBe(1);
    expect(found.get('')?.[0]).toBe(others.length);
  });
});

describe('a journal that somebody has changed', () => {
  it('gives what is a record, and counts what is none', async () => {
    const directory = await temporaryDirectory();
    await (await openStoreWriter(directory, { step: 'test' })).close();
    const spaced = JSON.stringify(JSON.parse(encodeRecord(tradeAt(1))), undefined, 1).replaceAll('\n', '');
    const lines = [encodeRecord(tradeAt(0)), spaced, encodeRecord({ ...tickerRecord, timestamp: START }), '{"type":"trade","id"'];
    await mkdir(join(directory, 'journal'), { recursive: true });
    await appendFile(join(directory, 'journal', '20261120T1000000badcafe-0.ndjson'), `${HEADER}${lines.join('\n')}`);
    const warnings: string[] = [];
    const writer = await openStoreWriter(directory, { step: 'next', onWarning: (message) => warnings.push(message) });
    expect(await writer.close()).toMatchObject({ recovered: 3, broken: 1 });
    expect(warnings).toEqual([expect.stringContaining('1 broken line')]);
    expect((await readAll(directory)).map(({ type }) => type).sort()).toEqual(['ticker', 'trade', 'trade']);
  });
});
