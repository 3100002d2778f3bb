import { mkdtempSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leaveAtExit, removeAtExit } from '../../disk/exit-cleanup.js';
import { currentOwner, isGone, ownerFrom } from './owner.js';

const OWNER = 'owner.json';

/**
 * Creates a temporary directory for one purpose, named `mdtool-PURPOSE-…`. A process that is killed cannot remove its own,
 * which may hold gigabytes: the next one for this purpose does.
 */
export async function createScratch(purpose: string): Promise<string> {
  const prefix = `mdtool-${purpose}-`;
  const names = await readdir(tmpdir());
  await Promise.all(names.filter((name) => name.startsWith(prefix)).map((name) => removeAbandoned(join(tmpdir(), name))));
  // A signal between the two would leave the directory: it ends the process as soon as something is awaited.
  const directory = mkdtempSync(join(tmpdir(), prefix));
  removeAtExit(directory);
  await writeFile(join(directory, OWNER), JSON.stringify(currentOwner()));
  return directory;
}

/** Removes a directory that `createScratch` has made. */
export async function removeScratch(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  leaveAtExit(directory);
}

/** Removes a directory whose process has ended. One of another host, or without an owner yet, stays. */
async function removeAbandoned(directory: string): Promise<void> {
  try {
    const owner = ownerFrom(JSON.parse(await readFile(join(directory, OWNER), 'utf8')), directory);
    const self = currentOwner();
    const isOtherBoot = owner.host === self.host && owner.boot !== self.boot;
    if (isOtherBoot || isGone(owner, 0)) await rm(directory, { recursive: true, force: true });
  } catch {
    // Of another user, or being removed by another process.
  }
}
