import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { output } from '../support/checked-by.js';
import { ROOT } from '../support/mdtool.js';

const directory = mkdtempSync(join(tmpdir(), 'package-'));
const installed = join(directory, 'node_modules/mdtool');
let tarball = '';
let warnings = '';

beforeAll(() => {
  const [packed] = JSON.parse(output('npm', ['pack', '--json', '--pack-destination', directory])) as [{ filename: string }];
  tarball = join(directory, packed.filename);
  writeFileSync(join(directory, 'package.json'), '{"private": true}');
  warnings = output('npm', ['install', '--ignore-scripts', tarball], { cwd: directory });
}, 300_000);
afterAll(() => rmSync(directory, { recursive: true }));

describe('the package', () => {
  it('runs a pipeline where it was installed without any script', () => {
    const mdtool = join(directory, 'node_modules/.bin/mdtool');
    expect(output(mdtool, ['--version'], { cwd: directory })).toMatch(/^mdtool\/\d/);
    const tape = join(ROOT, 'fixtures/bybit-v5.tape.ndjson.gz');
    const pipeline = `${mdtool} stream --replay ${tape} --market linear -o - --quiet | ${mdtool} candles - --interval 15s --format csv --columns symbol,close`;
    const rows = output('sh', ['-c', pipeline], { cwd: directory }).trim().split('\n');
    expect(rows[0]).toBe('symbol,close');
    expect(rows).toContain('BTCUSDT,65114.3');
    output(mdtool, ['stream', '--replay', tape, '--quiet', '-o', 'store'], { cwd: directory });
    expect(output(mdtool, ['query', 'select count(*) as n from trade', '--format', 'csv'], { cwd: directory })).toBe('n\n90\n');
  });

  it('gives a module of the user’s the classes of the program that runs it', () => {
    writeFileSync(
      join(directory, 'strategy.mjs'),
      "import { UsageError } from 'mdtool';\nthrow new UsageError('the wrong day');\n",
    );
    const candles = join(ROOT, 'fixtures/btc-perp-1m-2022-01.csv.gz');
    const args = ['backtest', candles, '--strategy', 'strategy.mjs'];
    const run = spawnSync(join(directory, 'node_modules/.bin/mdtool'), args, { cwd: directory, encoding: 'utf8' });
    expect([run.status, run.stderr]).toEqual([2, 'mdtool: the wrong day\n']);
  });

  it('leaves the tree as it was, and has no scripts for npm to warn of', () => {
    expect(existsSync(join(ROOT, '.unpublished'))).toBe(false);
    expect(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts).toHaveProperty('prepare');
    const published = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect([published.scripts, published.devDependencies]).toEqual([undefined, undefined]);
    expect(warnings).not.toContain('mdtool');
  });

  it('has pages, examples and units, and no file that only its makers need', () => {
    const files = (readdirSync(installed, { recursive: true }) as string[]).filter((name) => !name.startsWith('node_modules'));
    for (const file of ['CHANGELOG.md', 'docs/operations.md', 'examples/vwap.js', 'packaging/systemd/mdtool-stream.service']) {
      expect(files).toContain(file);
    }
    expect(files.filter((name) => /\.map$|^(?:src|test|fixtures)\/|^packaging\/tools/.test(name))).toEqual([]);
  });

  it('has the licences of the packages whose code is in what runs', () => {
    const notices = readFileSync(join(installed, 'dist/run/third-party.txt'), 'utf8');
    for (const name of ['@oclif/core', '@duckdb/node-api', 'chalk', 'smol-toml'])
      expect(notices).toMatch(new RegExp(`^${name} `, 'm'));
    const licences = notices.split('\n---\n').map((notice) => notice.split('\n').filter(Boolean).length);
    expect(Math.min(...licences), 'lines of the shortest').toBeGreaterThan(2);
  });

  it('has a README whose links lead somewhere from a registry page', () => {
    const links = [...readFileSync(join(installed, 'README.md'), 'utf8').matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(
      ([, link]) => link as string,
    );
    expect(links.filter((link) => !link.startsWith('https://'))).toEqual([]);
    const inRepository = links.flatMap((link) => /\/(?:blob|raw)\/v[^/]+\/(.*)$/.exec(link)?.[1] ?? []);
    expect(inRepository.length).toBeGreaterThan(20);
    expect(inRepository.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('has a manual page of all commands that formatters read without a warning', () => {
    // npm links only pages of a list.
    const { man } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(man).toEqual(['./dist/mdtool.1']);
    const page = join(installed, man[0]);
    const { commands } = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8'));
    const headings = [...readFileSync(page, 'utf8').matchAll(/^\.SS "mdtool (.*)"$/gm)].map(([, name]) =>
      name?.replaceAll(' ', ':'),
    );
    expect(headings.sort()).toEqual(Object.keys(commands).sort());
    expect(output('mandoc', ['-Tlint', '-Wwarning', page])).toBe('');
    expect(output('mandoc', ['-Thtml', page])).toContain('<b>--interval');
  });

  it('passes publint and attw', () => {
    const tools = join(ROOT, 'packaging/tools/node_modules/.bin');
    expect(output(join(tools, 'publint'), [installed])).toContain('All good!');
    output(join(tools, 'attw'), [tarball, '--profile', 'esm-only']);
  });
});
