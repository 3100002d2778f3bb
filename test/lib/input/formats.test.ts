import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readInput } from '../../../src/lib/input/input.js';
import { encodeRecord } from '../../../src/lib/model/ndjson.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { withDatabase } from '../../../src/lib/storage/database/duckdb.js';
import { zipOf, zstdOf } from '../../support/archives.js';
import { tradeRecord } from '../../support/records.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'formats-'));
});
afterAll(() => rm(directory, { recursive: true }));

const file = (name: string) => join(directory, name);
const trades = [tradeRecord({ id: 'a"]}' }), tradeRecord({ id: 'b', side: 'sell' }), tradeRecord({ id: 'c,\\"' })];
const ndjson = `${trades.map(encodeRecord).join('\n')}\n`;
const array = `[\n ${trades.map(encodeRecord).join(' ,\n')}\n]\n`;

async function read(name: string): Promise<{ ids: string[]; broken: string[] }> {
  const broken: string[] = [];
  const records: AnyRecord[] = [];
  for await (const batch of readInput([file(name)], { broken: (reason) => broken.push(reason.replaceAll(directory, '')) }))
    records.push(...batch);
  return { ids: records.map((record) => (record.type === 'trade' ? record.id : record.type)), broken };
}

async function readBytes(name: string, bytes: string | Buffer) {
  await writeFile(file(name), bytes);
  return await read(name);
}

const all = { ids: ['a"]}', 'b', 'c,\\"'], broken: [] };

describe('formats that every step reads', () => {
  it.each([
    ['lines.jsonl', ndjson],
    ['LINES.NDJSON', ndjson],
    ['packed.ndjson.GZ', gzipSync(ndjson)],
    ['packed.jsonl.zst', zstdOf(ndjson)],
    ['array.json', array],
    ['lines.json', ndjson],
    ['packed.json.gz', gzipSync(array)],
    ['one-line.json', JSON.stringify(trades.map((trade) => JSON.parse(encodeRecord(trade))))],
    ['mark.json', `\ufeff${array}`],
    ['utf16le.ndjson', Buffer.from(`\ufeff${ndjson}`, 'utf16le')],
    ['utf16be.ndjson', Buffer.from(`\ufeff${ndjson}`, 'utf16le').swap16()],
    ['archive.zip', zipOf({ 'deep/er/lines.ndjson': ndjson, '__MACOSX/._lines.ndjson': 'x' })],
  ])('%s', async (name, bytes) => {
    expect(await readBytes(name, bytes)).toEqual(all);
  });

  it('reads all files of an archive and names each in messages', async () => {
    const bytes = zipOf({ '1.ndjson': ndjson, '2.json': '[\n{"type":"unicorn"}]', '3.ndjson.gz': gzipSync(ndjson) });
    expect(await readBytes('many.zip', bytes)).toEqual({
      ids: [...all.ids, ...all.ids],
      broken: [expect.stringContaining('/many.zip!2.json:2: expected a record type, was unicorn')],
    });
  });

  it('names the line of an element and goes on after it', async () => {
    expect(await readBytes('bad.json', `[${encodeRecord(tradeRecord({ id: '1' }))},\n\n{"type":"x"}, 7, "a,]"]`)).toEqual({
      ids: ['1'],
      broken: [
        expect.stringContaining('bad.json:3:'),
        expect.stringContaining('bad.json:3:'),
        expect.stringContaining('was "a,]"'),
      ],
    });
  });

  it.each([
    ['cut.json', array.slice(0, -20), 'cut off'],
    ['cut.ndjson.gz', gzipSync(ndjson).subarray(0, -12), 'gzip stream is incomplete'],
    ['cut.ndjson.zst', zstdOf(ndjson).subarray(0, -12), 'zstd stream is incomplete'],
  ])('reports that %s is cut off', async (name, bytes, reason) => {
    expect((await readBytes(name, bytes)).broken.join()).toMatch(new RegExp(reason));
  });

  it.each([
    ['slip.zip', zipOf({ '../../etc/evil.csv': 'a' }), /invalid relative path/],
    ['table.feather', 'x', /Feather is not read; save it as Parquet/],
    ['table.xlsx', 'x', /save the sheet as CSV/],
    ['inside.zip', zipOf({ 'a.pdf': 'x' }), /inside\.zip!a\.pdf: expected \.ndjson/],
    ['none.zip', zipOf({}), /has no files/],
    ['text.zip', 'not a zip', /cannot be read/],
  ])('refuses %s in one line', async (name, bytes, message) => {
    await expect(readBytes(name, bytes)).rejects.toThrow(message);
  });

  it('finds damage inside an archive by its checksum', async () => {
    const bytes = zipOf({ 'a.ndjson': ndjson }, { stored: true });
    const damaged = Buffer.from(bytes.toString('latin1').replace('"sell"', '"sel1"'), 'latin1');
    expect((await readBytes('damaged.zip', damaged)).broken.join()).toMatch(/checksum in the archive differs/);
  });

  it.each(['zip', 'csv.gz'])('refuses what unpacks to far more than data would: .%s', async (extension) => {
    const zeros = Buffer.alloc(34 << 20, '0');
    const bytes = extension === 'zip' ? zipOf({ 'a.csv': zeros }) : gzipSync(zeros);
    await expect(readBytes(`bomb.${extension}`, bytes)).rejects.toThrow(/unpacks to more than 200 times its size/);
  });
});

describe('Parquet of other tools', () => {
  const columns = `'bybit' AS exchange, 'linear' AS market, 'BTCUSDT' AS symbol, '1' AS id, 'buy' AS side, 1.5 AS amount`;
  const TIME = 1_717_200_000_123_000;

  async function firstOf(name: string, select: string) {
    await withDatabase({}, (database) => database.run(`COPY (SELECT ${columns}, ${select}) TO '${file(name)}'`));
    const records: AnyRecord[] = [];
    for await (const batch of readInput([file(name)], { broken() {} })) records.push(...batch);
    return records.map((record) => (record.type === 'trade' ? [record.timestamp, record.price, record.amount] : []));
  }

  it.each([
    ['seconds', '1717200000::BIGINT', 1_717_200_000_000_000],
    ['milliseconds', '1717200000123::BIGINT', TIME],
    ['microseconds', '1717200000123000::BIGINT', TIME],
    ['nanoseconds', '1717200000123000999::BIGINT', TIME],
    ['doubles', '1717200000.123::DOUBLE', TIME],
    ['zoned', "TIMESTAMPTZ '2024-06-01 02:00:00.123+02'", TIME],
    ['unzoned', "TIMESTAMP_MS '2024-06-01 00:00:00.123'", TIME],
    ['nanosecond times', "TIMESTAMP_NS '2024-06-01 00:00:00.123000999'", TIME],
    ['texts', "'2024-06-01T00:00:00.123Z'", TIME],
  ])('times as %s', async (name, sql, time) => {
    expect(await firstOf(`${name}.parquet`, `${sql} AS timestamp, 67545.1 AS price`)).toEqual([[time, 67545.1, 1.5]]);
  });

  it('numbers as decimals, text and single precision, and pandas rows with their index', async () => {
    const at = `${TIME}::BIGINT AS timestamp`;
    expect(await firstOf('a.parquet', `${at}, 67545.1::DECIMAL(18, 4) AS price`)).toEqual([[TIME, 67545.1, 1.5]]);
    expect(await firstOf('b.parquet', `${at}, '67545.1' AS price`)).toEqual([[TIME, 67545.1, 1.5]]);
    expect(await firstOf('c.parquet', `${at}, 67545.1::FLOAT AS price, 5 AS __index_level_0__`)).toEqual([[TIME, 67545.1, 1.5]]);
  });
});
