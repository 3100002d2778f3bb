import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own, which a test can fill. */
type SmallDisk = { readonly root: string; readonly unmount: () => void };

/** Mounts a disk of some megabytes; undefined, said loudly, without the right to mount. */
export function mountSmallDisk(megabytes: number): SmallDisk | undefined {
  const root = mkdtempSync(join(tmpdir(), 'small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', root], { stdio: 'ignore' });
  } catch {
    rmSync(root, { recursive: true });
    console.error(`\nSKIPPED: tests of a full disk need the right to mount one of ${megabytes} MB\n`);
    return undefined;
  }
  const unmount = () => {
    // A process that was started on it may still be ending.
    execFileSync('umount', ['--lazy', root]);
    rmSync(root, { recursive: true });
  };
  return { root, unmount };
}
