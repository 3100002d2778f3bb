import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backUpStore, restoreStore } from '../../../src/lib/storage/backup/backup.js';
import { openStoreWriter } from '../../../src/lib/storage/store-writer.js';
import { compact, DAY } from './compact-support.js';
import { readAll, storeTemplate, temporaryDirectory, trades, writeRun } from './support.js';

const unmerged = { now: () => 0 };
const filled = storeTemplate(async (directory) => {
  await writeRun(directory, trades(0, 200), unmerged);
  await writeRun(directory, trades(150, 400, { price: 7 }), unmerged);
});

const options = { force: false, signal: new AbortController().signal, extras: [], onProgress: () => {} };
const backUp = (store: string, place: string, more = {}) => backUpStore(store, place, { ...options, ...more });
const restore = (place: string, store: string) => restoreStore(place, store, options);

describe('a backup', () => {
  it.each(['copy', 'copy.tar'])('into %s has sealed and unsealed records, each once, and changes nothing', async (name) => {
    const [directory, aside] = [await filled(), await temporaryDirectory()];
    const writer = await openStoreWriter(directory, { step: 'test' });
    // Some of them are sealed already: the same ids.
    await writer.write(trades(390, 600));
    // A second journal, of the same time.
    const other = await openStoreWriter(directory, { step: 'other' });
    await other.write(trades(550, 700));
    const before = await readAll(directory);
    expect(before).toHaveLength(700);
    const report = await backUp(directory, join(aside, name));
    expect(report).toMatchObject({ files: 4, newFiles: 4 });
    expect(await readAll(directory)).toEqual(before);
    for (const one of [writer, other]) await one.close();
    await restore(join(aside, name), join(aside, 'restored'));
    expect(await readAll(join(aside, 'restored'))).toEqual(before);
    if (name === 'copy') expect(await readAll(join(aside, name))).toEqual(before);
  });

  it('copies what is new, and drops what the store no longer has', async () => {
    const [directory, aside] = [await filled(), await temporaryDirectory()];
    expect(await backUp(directory, aside)).toMatchObject({ files: 2, newFiles: 2 });
    expect(await backUp(directory, aside)).toMatchObject({ files: 2, newFiles: 0, newBytes: 0 });
    await writeRun(directory, trades(600, 700, { timestamp: trades(0, 1)[0]?.timestamp as number }).slice(0, 1), unmerged);
    expect(await backUp(directory, aside)).toMatchObject({ files: 3, newFiles: 1 });
    await compact(directory);
    await backUp(directory, aside);
    const files = (readdirSync(join(aside, 'trade'), { recursive: true }) as string[]).filter((file) => /parquet/.test(file));
    expect(files).toHaveLength(1);
    expect(await readAll(aside)).toEqual(await readAll(directory));
  });

  it('stops at a file that is not what the log says, names it, and leaves the earlier backup', async () => {
    const [directory, aside] = [await filled(), await temporaryDirectory()];
    await backUp(directory, aside);
    const before = await readAll(aside);
    await writeRun(
      directory,
      trades(0, 10).map((trade) => ({ ...trade, id: `x${trade.id}`, timestamp: trade.timestamp + DAY })),
    );
    const names = readdirSync(join(directory, 'trade'), { recursive: true }) as string[];
    const damaged = names.find((name) => /2026-11-21.*parquet$/.test(name)) as string;
    appendFileSync(join(directory, 'trade', damaged), 'x');
    await expect(backUp(directory, aside)).rejects.toThrow(/was changed after it was written: run mdtool verify/);
    expect(await readAll(aside)).toEqual(before);
  });

  it.each([
    ['before its log', []],
    ['before its note', ['log']],
  ])('goes on where an earlier one was killed %s', async (_, folders) => {
    const [directory, aside] = [await filled(), await temporaryDirectory()];
    await mkdir(join(aside, 'state', ...folders), { recursive: true });
    writeFileSync(join(aside, 'state', '.copy.json.0a1b2c3d.tmp'), '{"of":');
    await backUp(directory, aside);
    expect(await readAll(aside)).toEqual(await readAll(directory));
  });

  it.each(['state/mine.txt', 'state/log/mine.txt', 'mine/one.txt'])('is refused beside %s', async (name) => {
    const [directory, aside] = [await filled(), await temporaryDirectory()];
    await mkdir(join(aside, 'state/log'), { recursive: true });
    await mkdir(dirname(join(aside, name)), { recursive: true });
    writeFileSync(join(aside, name), 'mine');
    await expect(backUp(directory, aside)).rejects.toMatchObject({ exitCode: 2 });
  });

  it('is refused where something else lies, and where the copy was written to', async () => {
    const [directory, other, aside] = [await filled(), await filled(), await temporaryDirectory()];
    const usage = (message: RegExp) => ({ exitCode: 2, message: expect.stringMatching(message) });
    await expect(backUp(directory, directory)).rejects.toMatchObject(usage(/the store itself/));
    await expect(backUp(directory, other)).rejects.toMatchObject(usage(/is a store already/));
    await mkdir(join(aside, 'mine'));
    writeFileSync(join(aside, 'mine', 'thesis.doc'), 'mine');
    await expect(backUp(directory, join(aside, 'mine'))).rejects.toMatchObject(usage(/not an mdtool store/));
    await backUp(directory, join(aside, 'copy'));
    await expect(backUp(other, join(aside, 'copy'))).rejects.toMatchObject(usage(/is a copy of /));
    await writeRun(join(aside, 'copy'), trades(900, 901));
    await expect(backUp(directory, join(aside, 'copy'))).rejects.toMatchObject(usage(/was written to after it was copied/));
    await backUp(directory, join(aside, 'one.tar'));
    await expect(backUp(directory, join(aside, 'one.tar'))).rejects.toMatchObject(usage(/already exists; use --force/));
    await backUp(directory, join(aside, 'one.tar'), { force: true });
  });

  it.each([
    ['cut off', /ends early: it is not a whole backup/, (path: string) => truncateSync(path, 6_000)],
    ['cut before its marker', /ends early/, (path: string) => truncateSync(path, readFileSync(path).length - 2_048)],
    ['no archive', /not an archive of mdtool store backup/, (path: string) => writeFileSync(path, 'x'.repeat(2_048))],
    ['changed', /not what was backed up/, (path: string) => spoil(path)],
  ])('of which the archive is %s makes no store', async (_, message, damage) => {
    const [directory, aside] = [await filled(), await temporaryDirectory()];
    const archive = join(aside, 'one.tar');
    await backUp(directory, archive);
    damage(archive);
    await expect(restore(archive, join(aside, 'restored'))).rejects.toThrow(message);
    expect(existsSync(join(aside, 'restored', 'mdtool-store.json'))).toBe(false);
  });
});

/** Changes a byte of the first file. */
function spoil(path: string): void {
  const bytes = readFileSync(path);
  bytes[700] = (bytes[700] as number) ^ 1;
  writeFileSync(path, bytes);
}
