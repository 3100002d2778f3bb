import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from './support/mdtool.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-manifest-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('oclif.manifest.json', () => {
  it('is what the built commands give (npm run build writes it)', () => {
    const fresh = join(folder, 'manifest.json');
    execFileSync(process.execPath, [join(ROOT, 'scripts/manifest.js'), fresh]);
    expect(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')).toBe(readFileSync(fresh, 'utf8'));
  });
});
