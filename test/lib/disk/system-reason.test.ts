import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemReason } from '../../../src/lib/disk/system-reason.js';
import { ROOT } from '../../support/mdtool.js';

const folder = mkdtempSync(join(tmpdir(), 'reasons-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;
/** `nobody` on every Linux. */
const NOBODY = 65_534;
const MODULE = join(ROOT, 'dist/lib/disk/system-reason.js');

/** Reads or writes a file as nobody, and returns the reason why that fails. */
function failureOf(operation: string, path: string): string {
  const script = `
    import * as fs from 'node:fs';
    import { systemReason } from ${JSON.stringify(MODULE)};
    process.setgroups([]);
    process.setgid(${NOBODY});
    process.setuid(${NOBODY});
    try { ${operation}; console.log('no failure'); } catch (error) { console.log(systemReason(error)); }`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script, path], { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim();
}

describe('the reason of a failed file operation', () => {
  it.skipIf(!isRoot)('names who owns what denies it, and who asks', () => {
    chmodSync(folder, 0o755);
    const store = join(folder, 'store');
    mkdirSync(store, { mode: 0o750 });
    writeFileSync(join(store, 'file'), 'x');
    writeFileSync(join(folder, 'mine'), 'x', { mode: 0o600 });
    const path = 'process.argv[1]';
    for (const [operation, place, denied] of [
      [`fs.writeFileSync(${path}, 'x')`, join(folder, 'new'), folder],
      [`fs.readFileSync(${path})`, join(folder, 'mine'), join(folder, 'mine')],
      [`fs.readFileSync(${path})`, join(store, 'file'), store],
      [`fs.mkdirSync(${path}, { recursive: true })`, join(store, 'a/b'), store],
      [`fs.renameSync(${path}, ${path} + '2')`, join(folder, 'mine'), join(folder, 'mine')],
    ] as const)
      expect(failureOf(operation, place)).toBe(`permission denied: ${denied} belongs to root, and you are nobody`);
  });

  it.skipIf(isRoot)('shows the mode of what is your own', () => {
    const path = join(folder, 'closed');
    writeFileSync(path, 'x', { mode: 0o400 });
    const reason = systemReason(Object.assign(new Error('EACCES'), { code: 'EACCES', path }));
    expect(reason).toBe(`permission denied: ${path} is yours, and its mode is 0400`);
    expect(userInfo().username).not.toBe('');
  });

  it('is plain where the system has no more to say', () => {
    const error = (code: string, message = code) => Object.assign(new Error(message), { code });
    expect(systemReason(error('ENOSPC'))).toBe('no space left on the disk');
    expect(systemReason(new Error('IO Error: write failed: No space left on device'))).toBe('no space left on the disk');
    expect(systemReason(error('EFOO', 'something else'))).toBe('something else');
  });
});
