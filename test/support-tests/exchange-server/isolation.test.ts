import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const SERVER = join(ROOT, 'test/support/exchange-server');
const ALLOWED = /^(?:node:[\w/]+|ws|vitest|decimal\.js)$/;

/** Returns every file that `file` imports, directly or not, and every package. */
function closure(
  file: string,
  files = new Set<string>(),
  packages = new Set<string>(),
): { files: Set<string>; packages: Set<string> } {
  if (files.has(file)) return { files, packages };
  files.add(file);
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
    if (fileName.startsWith('.')) closure(normalize(join(dirname(file), fileName)).replace(/\.js$/, '.ts'), files, packages);
    else packages.add(fileName);
  }
  return { files, packages };
}

const own = (readdirSync(SERVER, { recursive: true }) as string[]).filter((name) => name.endsWith('.ts'));

describe('the local exchange server', () => {
  const files = new Set<string>();
  const packages = new Set<string>();
  for (const name of own) closure(join(SERVER, name), files, packages);

  it('imports nothing of what it tests, not even through others', () => {
    expect(own.length).toBeGreaterThan(30);
    expect([...files].map((file) => relative(ROOT, file)).filter((file) => file.startsWith('src'))).toEqual([]);
    expect([...packages].filter((name) => !ALLOWED.test(name))).toEqual([]);
  });

  it('would see such an import', () => {
    const found = closure(join(ROOT, 'test/golden/bybit-tape.test.ts'));
    expect([...found.files].some((file) => relative(ROOT, file).startsWith('src'))).toBe(true);
  });

  it('knows an exchange by name in its folder and in the registry only', () => {
    const shared = own.filter((name) => !/^(?:accounts\/)?(?:bitget|bybit|index\.ts|server\.ts)/.test(name));
    const naming = shared.filter((name) => /['"](?:bitget|bybit)['"]/.test(readFileSync(join(SERVER, name), 'utf8')));
    expect(naming).toEqual([]);
  });
});
