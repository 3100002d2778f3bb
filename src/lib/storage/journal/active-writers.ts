import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import { isMissing, storageFailure } from '../files/durable-file.js';
import { describeOwner, isGone, OWNER_SILENCE_MS, type Owner, ownerFrom } from '../files/owner.js';
import type { StorePaths } from '../files/store-directory.js';
import { listJournals } from './journal.js';

const ALIVE = '.alive';
/** Bytes read from a journal to get its header, which is shorter. */
const HEADER_BYTES = 4096;

/**
 * Throws a `FailureError` when a process may be writing to a store. Works without the log: it checks the owners named in
 * journals, and heartbeats younger than five minutes.
 */
export async function requireNoActiveWriter(paths: StorePaths): Promise<void> {
  const journals = await listJournals(paths.journal);
  const gone = new Set<string>();
  for (const { path, holder, segment } of journals) {
    const owner = segment.startsWith(`${holder}-`) ? await ownerOf(path) : undefined;
    if (!owner) continue;
    if (!isGone(owner, await silenceOf(paths, holder)))
      throw new FailureError(`${path} is being written (${describeOwner(owner)}); stop that process first; nothing was changed`);
    gone.add(holder);
  }
  for (const name of await readdir(paths.state).catch(() => [])) {
    const writer = name.slice(0, -ALIVE.length);
    if (!name.endsWith(ALIVE) || gone.has(writer) || (await silenceOf(paths, writer)) >= OWNER_SILENCE_MS) continue;
    throw new FailureError(
      `${join(paths.state, name)} changed in the last five minutes: another process may be using the store; stop it or wait; nothing was changed`,
    );
  }
}

/** Returns the owner in the first line of a journal, undefined when the line cannot be read. */
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
