import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import { spokenDuration } from '../../model/time.js';
import { storageFailure } from '../files/durable-file.js';
import { describeOwner, isGone, type Owner, ownerFrom } from '../files/owner.js';
import type { StorePaths } from '../files/store-directory.js';
import { listJournals } from './journal.js';

const ALIVE = '.alive';
/** Bytes read from a journal to get its header, which is shorter. */
const HEADER_BYTES = 4096;

/**
 * Throws a `FailureError` when a process may be writing to a store. Works without the log: it checks the owners named in
 * the journals on this machine, and heartbeats that are not silent for too long. In a bucket these are the leases of all
 * machines.
 */
export async function requireNoActiveWriter(paths: StorePaths): Promise<void> {
  const { silenceMs } = paths.files.heartbeats;
  const journals = await listJournals(paths.journal);
  const gone = new Set<string>();
  for (const { path, holder, segment } of journals) {
    const owner = segment.startsWith(`${holder}-`) ? await ownerOf(path) : undefined;
    if (!owner) continue;
    if (!isGone(owner, await silenceOf(paths, holder), silenceMs))
      throw new FailureError(`${path} is being written (${describeOwner(owner)}); stop that process first; nothing was changed`);
    gone.add(holder);
  }
  for (const name of await paths.files.names(paths.state)) {
    const writer = name.slice(0, -ALIVE.length);
    if (!name.endsWith(ALIVE) || gone.has(writer) || (await silenceOf(paths, writer)) >= silenceMs) continue;
    throw new FailureError(
      `${paths.files.named(join(paths.state, name))} changed in the last ${spokenDuration(silenceMs / 1000)}: another process may be using the store; stop it or wait; nothing was changed`,
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
    return (await paths.files.age(path)) ?? Number.POSITIVE_INFINITY;
  } catch (error) {
    throw storageFailure(error, 'read', path);
  }
}
