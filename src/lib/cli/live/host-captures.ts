import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentOwner, isGone, ownerFrom } from '../../storage/files/owner.js';

/** REST origins that a process captures from. */
type Capture = { readonly pid: number; readonly origins: readonly string[] };

/**
 * Notes for the other processes of this user on this host that this one captures from some REST origins. Each process keeps to
 * the limits of an exchange; two of them at one address exceed these together, and the exchange bans both. Returns the process ids
 * of the others by origin, and how to take the note back. It never throws: the note is for a warning only.
 */
export function announceCapture(
  origins: readonly string[],
  directory = join(tmpdir(), `mdtool-captures-${process.getuid?.() ?? 'all'}`),
): { readonly others: ReadonlyMap<string, readonly number[]>; readonly withdraw: () => void } {
  const path = join(directory, `${process.pid}.json`);
  const others = new Map<string, number[]>();
  try {
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory).filter((name) => name.endsWith('.json'))) {
      const other = running(join(directory, name));
      if (other === undefined || other.pid === process.pid) continue;
      for (const origin of other.origins.filter((one) => origins.includes(one)))
        others.set(origin, [...(others.get(origin) ?? []), other.pid]);
    }
    writeFileSync(`${path}.new`, JSON.stringify({ ...currentOwner(), origins }));
    // Another process that reads half of it would remove it.
    renameSync(`${path}.new`, path);
  } catch {}
  return { others, withdraw: () => rmSync(path, { force: true }) };
}

/** Returns a capture that still runs. The note of one that was killed is removed. */
function running(path: string): Capture | undefined {
  try {
    const fields = JSON.parse(readFileSync(path, 'utf8')) as Capture;
    if (!isGone(ownerFrom(fields, path), 0)) return fields;
  } catch {}
  rmSync(path, { force: true });
  return undefined;
}
