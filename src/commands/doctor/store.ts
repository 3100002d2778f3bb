import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemReason } from '../../lib/disk/system-reason.js';
import { counted } from '../../lib/model/counted.js';
import { MdtoolError } from '../../lib/model/errors.js';
import { formatSize } from '../../lib/model/number-format.js';
import { freeBytes } from '../../lib/storage/files/free-space.js';
import { describeOwner } from '../../lib/storage/files/owner.js';
import { findStore, STORE_FORMAT, type StorePaths, storePaths } from '../../lib/storage/files/store-directory.js';
import { listJournals } from '../../lib/storage/journal/journal.js';
import { goneWriters } from '../../lib/storage/journal/writer-registry.js';
import { openStoreContext } from '../../lib/storage/log/store-context.js';
import { type Finding, fail, ok, warn } from './finding.js';

/** Below this a capture stops soon; sealing needs room for a file beside its journal. */
const LEAST_FREE = 64e6;
const LITTLE_FREE = 1e9;

/** Checks the store in `directory`: whether it can be read and written, what is in it, who writes, and the disk under it. */
export async function checkStore(directory: string): Promise<Finding[]> {
  try {
    const paths = await findStore(directory);
    const { root, files } = storePaths(directory);
    // A server that overwrites what two writers create at once is found before the first capture.
    if (files.isShared) await files.prepare([root]);
    const place = await existingParent(root);
    const state = paths
      ? await stateFindings(directory, paths)
      : [ok('store', `${directory}: none yet; the first step that writes creates it`)];
    return [...state, await writableFinding(place), await diskFinding(place)];
  } catch (error) {
    return [fail('store', error instanceof MdtoolError ? error.message : `${directory}: ${systemReason(error)}`)];
  }
}

async function stateFindings(directory: string, paths: StorePaths): Promise<Finding[]> {
  const context = openStoreContext(paths);
  const { files, writers, sealed } = await context.log.read();
  const bytes = [...files.values()].reduce((sum, file) => sum + file.bytes, 0);
  const gone = await goneWriters(context);
  const journals = (await listJournals(paths.journal)).filter(({ segment }) => !sealed.has(segment));
  const running = [...writers].filter(([writer]) => !gone.has(writer));
  const findings = [ok('store', `${directory}: format ${STORE_FORMAT}, ${counted(files.size, 'file')}, ${formatSize(bytes)}`)];
  for (const [, { step, owner }] of running) findings.push(ok('writer', `"${step}" is writing (${describeOwner(owner)})`));
  const left = running.length === 0 ? journals.length : 0;
  if (left > 0)
    findings.push(
      warn('journals', `${counted(left, 'journal')} of a run that ended early: the next step that writes stores the records`),
    );
  return findings;
}

/** Returns the deepest directory of a path that exists. */
async function existingParent(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found || path === dirname(path) ? path : existingParent(dirname(path));
}

async function writableFinding(place: string): Promise<Finding> {
  try {
    await access(place, constants.W_OK);
    return ok('access', `${place} can be written`);
  } catch (error) {
    return fail('access', `cannot write to ${place}: ${systemReason(error, place)}`);
  }
}

async function diskFinding(place: string): Promise<Finding> {
  const free = await freeBytes(place);
  if (free === undefined) return warn('disk', `${place}: its file system does not say how much is free`);
  const text = `${formatSize(free)} free in ${place}`;
  if (free < LEAST_FREE) return fail('disk', `${text}: free some space or apply retention with mdtool compact --keep`);
  return free < LITTLE_FREE ? warn('disk', `${text}: little for a capture`) : ok('disk', text);
}
