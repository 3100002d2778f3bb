import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { currentOwner, isGone, OWNER_SILENCE_MS } from '../../../../src/lib/storage/files/owner.js';

describe('isGone', () => {
  const self = currentOwner();

  it.each([
    ['this process', self, 0, false],
    ['this process, silent for five minutes (suspended)', self, OWNER_SILENCE_MS, true],
    ['another process with the same id, later', { ...self, start: '1' }, 0, true],
    ['a process of another host, not silent', { ...self, host: 'elsewhere', pid: 999_999_999 }, OWNER_SILENCE_MS - 1, false],
    ['a process of another host, silent', { ...self, host: 'elsewhere' }, OWNER_SILENCE_MS, true],
    ['a process of an earlier boot, not silent', { ...self, boot: 'earlier', pid: 999_999_999 }, 0, false],
    ['a process id nobody has', { ...self, pid: 999_999_999 }, 0, true],
  ])('%s', (_, owner, silence, expected) => expect(isGone(owner, silence)).toBe(expected));

  it('knows that a process has ended', async () => {
    const child = spawn(process.execPath, ['-e', '0']);
    await once(child, 'close');
    expect(isGone({ ...self, pid: child.pid as number }, 0)).toBe(true);
  });
});
