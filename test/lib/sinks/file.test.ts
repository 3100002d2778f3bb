import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeRecord } from '../../../src/lib/model/ndjson.js';
import { createFileSink } from '../../../src/lib/sinks/file.js';
import { gapRecord, tickerRecord, tradeRecord } from '../../support/records.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mdtool-file-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);
const open = (name: string, force = false) =>
  createFileSink({ path: path(name), format: name.includes('.csv') ? 'csv' : 'ndjson', force });

describe('file sink', () => {
  it('shows the file only when it is whole', async () => {
    const sink = await open('t.ndjson');
    await sink.write([tradeRecord(), gapRecord]);
    expect(readdirSync(folder)).not.toContain('t.ndjson');
    expect(await sink.close()).toEqual({ output: path('t.ndjson'), records: 2, skipped: {} });
    expect(readdirSync(folder)).toEqual(['t.ndjson']);
    const [line] = readFileSync(path('t.ndjson'), 'utf8').split('\n');
    expect(decodeRecord(line ?? '')).toEqual(tradeRecord());
  });

  it('leaves no listener behind, however many files are open', async () => {
    const listeners = process.listenerCount('exit');
    const sinks = await Promise.all(Array.from({ length: 12 }, (_, file) => open(`${file}.ndjson`)));
    expect(process.listenerCount('exit')).toBe(listeners);
    for (const sink of sinks) await sink.abort();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('compresses what ends in .gz', async () => {
    const sink = await open('t.csv.gz');
    for (let id = 0; id < 5000; id++) await sink.write([tradeRecord({ id: String(id) })]);
    await sink.close();
    expect(
      gunzipSync(readFileSync(path('t.csv.gz')))
        .toString()
        .split('\n'),
    ).toHaveLength(5002);
  });

  it('leaves nothing behind when it is aborted', async () => {
    const sink = await open('{type}.ndjson.gz');
    await sink.write([tradeRecord(), tickerRecord]);
    await sink.abort();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('writes one file per type for {type}, gaps too', async () => {
    const sink = await open('{type}.csv');
    await sink.write([tradeRecord(), gapRecord, tickerRecord, tradeRecord({ id: '2' })]);
    expect((await sink.close()).records).toBe(4);
    expect(readdirSync(folder).sort()).toEqual(['gap.csv', 'ticker.csv', 'trade.csv']);
    expect(readFileSync(path('trade.csv'), 'utf8').trim().split('\n')).toHaveLength(3);
  });

  it('refuses to replace a file without --force, at the start and at the end', async () => {
    writeFileSync(path('t.ndjson'), 'mine');
    writeFileSync(path('gap.csv'), 'mine');
    await expect(open('t.ndjson')).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('--force') });
    await expect(open('{type}.csv')).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('gap.csv') });

    const sink = await open('u.ndjson');
    writeFileSync(path('u.ndjson'), 'somebody else');
    await expect(sink.close()).rejects.toMatchObject({ exitCode: 2 });
    await sink.abort();
    expect(readFileSync(path('u.ndjson'), 'utf8')).toBe('somebody else');

    const replacing = await open('t.ndjson', true);
    await replacing.write([tradeRecord()]);
    expect(readFileSync(path('t.ndjson'), 'utf8')).toBe('mine');
    await replacing.close();
    expect(readFileSync(path('t.ndjson'), 'utf8')).toContain('"type":"trade"');
  });

  it.each([
    ['no/such/folder/t.ndjson', /cannot write .*no\/such\/folder\/t\.ndjson: no such file or directory/],
    ['no/such/folder/t.csv.gz', /cannot write .*t\.csv\.gz: no such file or directory/],
  ])('names the path that cannot be written: %s', async (name, message) => {
    const sink = await open(name);
    const fill = async () => {
      for (let id = 0; id < 20_000; id++) await sink.write([tradeRecord({ id: String(id) })]);
      await sink.close();
    };
    await expect(fill()).rejects.toMatchObject({ exitCode: 1, message: expect.stringMatching(message) });
    await sink.abort();
  });
});
