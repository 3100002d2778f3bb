import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { fixture } from '../support/frames.js';
import { finished, mdtool, ROOT, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const TAPE = fixture('bybit-v5.tape.ndjson.gz');
const folder = mkdtempSync(join(tmpdir(), 'mdtool-frame-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes down which packages a process loads, by import and by require. */
const TRACE = join(folder, 'trace.mjs');
writeFileSync(
  TRACE,
  `import { appendFileSync } from 'node:fs';
import Module, { createRequire, register } from 'node:module';
const { cache } = createRequire(import.meta.url);
const hooks = \`import { appendFileSync } from 'node:fs';
export async function load(url, context, next) { appendFileSync(process.env.TRACE_FILE, url + '\\\\n'); return next(url, context); }\`;
register('data:text/javascript,' + encodeURIComponent(hooks));
process.on('exit', () => appendFileSync(process.env.TRACE_FILE, Object.keys(cache).join('\\n') + '\\n'));
`,
);

async function packagesLoadedBy(args: readonly string[]): Promise<Set<string>> {
  const file = join(folder, `${Math.random()}.log`);
  writeFileSync(file, '');
  await mdtool(args, { env: { NODE_OPTIONS: `--import ${TRACE}`, TRACE_FILE: file } });
  const loaded = readFileSync(file, 'utf8').matchAll(/node_modules\/((?:@[^/\n]+\/)?[^/\n]+)/g);
  return new Set([...loaded].map((match) => match[1] as string));
}

const HEAVY = ['@duckdb/node-api', 'ws', 'undici', 'pino', 'cli-table3', 'papaparse', 'semver'];

describe('start-up', () => {
  it.each([['--version'], ['--help'], ['symbols', '--help']])('%s %s loads nothing heavy', async (...args) => {
    const loaded = await packagesLoadedBy(args);
    expect(HEAVY.filter((name) => loaded.has(name))).toEqual([]);
    expect(loaded.has('@oclif/core')).toBe(false);
  });

  it('a command loads what it needs, and the trace sees it', async () => {
    const loaded = await packagesLoadedBy(['symbols', '--replay', TAPE, '--format', 'csv']);
    expect(HEAVY.filter((name) => loaded.has(name))).toEqual(['papaparse']);
  });

  it('tells the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { stdout, code } = await mdtool(['-v']);
    expect([stdout, code]).toEqual([`mdtool/${version} ${process.platform}-${process.arch} node-${process.version}\n`, 0]);
  });
});

describe('wrong usage', () => {
  it.each([
    [['strem'], 'mdtool: unknown command "strem"; did you mean stream?'],
    [['--json'], 'mdtool: expected a command, was the flag --json; mdtool --help lists the commands'],
    [['symbols', 'BTCUSDT'], 'mdtool: unexpected argument "BTCUSDT"; see mdtool symbols --help'],
    [['symbols', '--qoute', 'USDT'], 'mdtool: unknown flag --qoute; did you mean --quote?; see mdtool symbols --help'],
    [['symbols', '--exchange', 'binance'], 'mdtool: --exchange: expected one of bitget, bybit, was "binance"'],
    [
      ['symbols', '--format', 'xml'],
      'mdtool: --format: expected one of table, ndjson, jsonl, json, csv, tsv, markdown, was "xml"',
    ],
    [['stream', '--depth', '0'], 'mdtool: --depth: expected an integer greater than or equal to 1, was "0"'],
    [['symbols', '--match', '('], 'mdtool: --match: expected a regular expression, was "(" (Unterminated group)'],
  ])('%j ends with 2 and one line', async (args, message) => {
    const { stdout, stderr, code } = await mdtoolHere(args);
    expect([code, stdout, stderr]).toEqual([2, '', `${message}\n`]);
  });

  it('keeps its exit code with --json, and prints an error and no setting', async () => {
    const { stdout, code } = await mdtoolHere(['symbols', '--json', '--bogus', '--config', '/etc/hostname']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ error: { name: 'UsageError', message: expect.any(String), exit_code: 2 } });
  });

  it('shows a stack only when debugging, and JSON lines when asked for', async () => {
    const missing = ['symbols', '--replay', join(folder, 'none')];
    const [debug, json] = await Promise.all([
      mdtoolHere([...missing, '--log-level', 'debug']),
      mdtoolHere([...missing, '--log-format', 'json']),
    ]);
    expect(debug.code).toBe(1);
    expect(debug.stderr).toMatch(/\n {4}at /);
    expect(JSON.parse(json.stderr)).toMatchObject({ level: 'error', msg: expect.stringContaining('no such file') });
  });
});

describe('settings', () => {
  it('come from ./mdtool.toml, under the command line; unknown keys end with 2', async () => {
    writeFileSync(
      join(folder, 'mdtool.toml'),
      '[symbols]\nmatch = "^BTCUSDT$"\nformat = "csv"\nmarket = ["linear"]\nquiet = true\n',
    );
    const configured = await mdtoolHere(['symbols', '--replay', TAPE], { cwd: folder });
    expect(configured.stdout.split('\n')[1]).toMatch(/^bybit,linear,BTCUSDT,/);
    expect(configured.stdout.trim().split('\n')).toHaveLength(2);
    expect(configured.stderr).toBe('');
    const flagged = await mdtoolHere(['symbols', '--replay', TAPE, '--format', 'ndjson'], { cwd: folder });
    expect(JSON.parse(flagged.stdout)).toMatchObject({ symbol: 'BTCUSDT' });
    writeFileSync(join(folder, 'mdtool.toml'), '[symbols]\nmtach = "x"\n');
    const wrong = await mdtoolHere(['symbols', '--replay', TAPE], { cwd: folder });
    expect([wrong.code, wrong.stderr]).toEqual([2, 'mdtool: mdtool.toml: unknown key [symbols] mtach; did you mean match?\n']);
    const variable = await mdtoolHere(['symbols', '--replay', TAPE], { env: { MDTOOL_SOTRE: 'x' } });
    expect([variable.code, variable.stderr]).toEqual([
      2,
      'mdtool: environment: unknown variable MDTOOL_SOTRE; did you mean MDTOOL_STORE?\n',
    ]);
  });

  it('never show a secret', async () => {
    const env = { MDTOOL_OUTPUT: 'redis://:hunter22@host/0', REDIS_PASSWORD: 'hunter23' };
    const { stderr, stdout, code } = await mdtoolHere(['symbols', '--replay', TAPE, '--json', '--match', '(hunter23'], { env });
    expect(code).toBe(2);
    const output = await mdtoolHere(['symbols', '--replay', TAPE], { env });
    expect(output.code).toBe(2);
    for (const text of [stderr, stdout, output.stderr]) expect(text).not.toMatch(/hunter2/);
  });
});

describe('a reader that leaves', () => {
  const args = ['stream', '--replay', TAPE, '--channels', 'ticker,trade'];

  it('ends a step quietly with 0', async () => {
    const child = start(args);
    child.stdout?.destroy();
    const { code, stderr } = await finished(child);
    expect([code, stderr]).toEqual([0, '']);
  });

  it('does not end one that also writes a file', async () => {
    const file = join(folder, 'all.ndjson');
    const child = start([...args, '-o', '-', '-o', file]);
    child.stdout?.destroy();
    const { code, stderr } = await finished(child);
    expect(code).toBe(0);
    expect(stderr).toContain('stdout was closed by its reader; the other outputs continue');
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(671);
  });
});

describe('a full disk under stdout', () => {
  it.each([
    ['records', ['stream', '--replay', TAPE, '--quiet']],
    ['--json', ['symbols', '--replay', TAPE, '--json', '--quiet']],
    ['an error as --json', ['stream', '--replay', 'nope', '--json']],
    ['a text', ['features', '--list']],
    ['help', ['--help']],
    ['the version', ['--version']],
  ])('%s: one line and exit 1', (_, args) => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'bin/run.js'), ...args], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toContain('mdtool: cannot write stdout: no space left on the disk\n');
    expect(stderr).not.toContain('    at ');
  });
});

describe('signals', () => {
  it('a second one ends the process at once with 130 and leaves no half file', async () => {
    const file = join(folder, 'half.ndjson');
    const child = start(['stream', '--replay', '-', '-o', file]);
    const end = finished(child);
    child.stdin?.write(`${gunzipSync(readFileSync(TAPE)).toString().split('\n').slice(0, 500).join('\n')}\n`);
    await vi.waitUntil(() => readdirSync(folder).some((name) => name.startsWith('half.')), 45_000);
    child.kill('SIGTERM');
    await new Promise((resolve) => child.stderr?.once('data', resolve));
    await setTimeout(400);
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
    expect(readdirSync(folder).filter((name) => name.startsWith('half.'))).toEqual([]);
  });
});
