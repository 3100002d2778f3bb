import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import { isMissing, storageFailure } from '../files/durable-file.js';
import { describeOwner, isGone, OWNER_SILENCE_MS, type Owner, ownerFrom } from '../files/owner.js';
import type { StorePaths } from '../files/store-directory.js';
import { listJournals } from './journal.js';

const ALIVE = '.alive';
/** The header of a journal is shorter. */
const HEADER_BYTES = 4096;

/**
 * Throws a `FailureError` when somebody may be writing to a store, told without its log: by the owners that journals
 * name, and by signs of life that are not older than a living writer's.
 */
export async function requireNoActiveWriter(paths: StorePaths): Promise<void> {
  const journals = await listJournals(paths.journal);
  const gone = new Set<string>();
  for (const { path, holder, segment } of journals) {
    const owner = segment.startsWith(`${holder}-`) ? await ownerOf(path) : undefined;
    if (!owner) continue;
    if (!isGone(owner, await silenceOf(paths, holder)))
      throw new FailureError(`${path} is being written (${describeOwner(owner)}): stop it first; nothing was changed`);
    gone.add(holder);
  }
  for (const name of await readdir(paths.state).catch(() => [])) {
    const writer = name.slice(0, -ALIVE.length);
    if (!name.endsWith(ALIVE) || gone.has(writer) || (await silenceOf(paths, writer)) >= OWNER_SILENCE_MS) continue;
    throw new FailureError(
      `${join(paths.state, name)}: something has used the store in the last five minutes, and may still: stop it, or wait; nothing was changed`,
    );
  }
}

/** The owner in the first line of a journal, undefined when it has none that can be read. */
async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
      const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n');
      return ownerFrom(JSON.parse(line).owner, path);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

async function silenceOf(paths: StorePaths, writer: string): Promise<number> {
  const path = join(paths.state, `${writer}${ALIVE}`);
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return Number.POSITIVE_INFINITY;
    throw storageFailure(error, 'read', path);
  }
}
