import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { finished, start } from '../../support/mdtool.js';
import { mdtoolHere } from '../../support/mdtool-here.js';
import { seeded } from '../../support/random.js';
import { startWriter } from './child-writer.js';
import { rowsOf, sleep } from './support.js';

/** A backup takes about this long from its start, milliseconds: a kill falls somewhere into it. */
const LONGEST = 1_500;

async function idsOf(store: string): Promise<string[]> {
  return (await rowsOf(store, 'SELECT id FROM trade')).map(([id]) => String(id));
}

/** Runs a command line and kills it after a random time; returns whether it had ended by then. */
async function killed(args: readonly string[], random: () => number): Promise<boolean> {
  const child = start(args);
  const ended = finished(child);
  await sleep(200 + random() * LONGEST);
  const isOver = child.exitCode !== null;
  child.kill('SIGKILL');
  await ended;
  return isOver;
}

/**
 * Backs a store up while a writer fills it, and kills backups, the writer and the restore. What was acknowledged before the
 * last backup began is in the restored store, once, and `verify` calls it whole. Returns how much was tried.
 */
export async function backupTrial(directory: string, { kills, seed }: { readonly kills: number; readonly seed: number }) {
  const random = seeded(seed);
  const [store, backup, restored] = ['store', 'backup', 'restored'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const back = ['store', 'backup', backup, '--store', store];
  let writer = startWriter(store, { sealEveryMs: 300, pauseMs: 10 });
  await writer.ready;
  const printed: string[] = [];
  let least = 0;
  for (let kill = 0; kill < kills; kill++) {
    if (kill === kills >> 1) {
      writer.process.kill('SIGKILL');
      await writer.ended;
      printed.push(...writer.printed);
      // It goes on where the first one was: a record that was written and not acknowledged comes again.
      writer = startWriter(store, { sealEveryMs: 300, pauseMs: 10, first: printed.length });
    }
    await killed(back, random);
    // What is there is the first, an earlier or the last backup, each of them whole.
    if (!existsSync(join(backup, 'mdtool-store.json'))) continue;
    const ids = await idsOf(backup);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(least);
    least = ids.length;
  }
  await writer.ready;
  await sleep(300);
  const acknowledged = [...printed, ...writer.printed];
  const done = await mdtoolHere(back);
  expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('store backup')]);
  writer.process.kill('SIGKILL');
  await writer.ended;
  const restore = ['store', 'restore', backup, '--store', restored];
  if (!(await killed(restore, random))) expect((await mdtoolHere(restore)).code).toBe(0);
  const ids = await idsOf(restored);
  const known = new Set(ids);
  expect(known.size).toBe(ids.length);
  expect(acknowledged.filter((id) => !known.has(id))).toEqual([]);
  const verified = await mdtoolHere(['verify', '--store', restored, '--format', 'ndjson']);
  const verdicts = verified.stdout.split('\n').filter(Boolean);
  expect(verdicts.map((line) => JSON.parse(line).verdict)).toEqual(verdicts.map(() => 'whole'));
  expect([verified.code, verdicts.length > 0]).toEqual([0, true]);
  expect(leftovers(restored)).toEqual([]);
  return { acknowledged: acknowledged.length, stored: ids.length };
}

function leftovers(store: string): string[] {
  return (readdirSync(store, { recursive: true }) as string[]).filter((name) => /\.tmp$|copy\.json$/.test(name));
}
