import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { complete, DIRECTIVE, type Values } from '../../src/lib/cli/completion/candidates.js';
import { SCRIPTS } from '../../src/lib/cli/completion/scripts.js';
import type { Manifest } from '../../src/lib/cli/manifest.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { isInstalled } from '../support/installed.js';
import { ROOT } from '../support/mdtool.js';
import { tradeRecord } from '../support/records.js';

const manifest = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as Manifest;
const VALUES: Readonly<Record<string, readonly string[]>> = {
  exchange: ['bitget', 'bybit'],
  symbols: ['BTCUSDT', 'ETHUSDT'],
  'query sql': ['trade', 'ticker'],
};
const values: Values = async (name) => VALUES[name];

async function offered(line: string) {
  const { candidates, directive } = await complete(line.split(' '), manifest, values);
  return { words: candidates.map(([word]) => word), directive };
}

describe('candidates', () => {
  it.each([
    ['', expect.arrayContaining(['backtest', 'help', 'stream']), DIRECTIVE.noFiles],
    ['stre', ['stream'], DIRECTIVE.noFiles],
    ['grid ', ['list', 'plan', 'report', 'run', 'status', 'stop'], DIRECTIVE.noFiles],
    ['help grid ', ['list', 'plan', 'report', 'run', 'status', 'stop'], DIRECTIVE.noFiles],
    ['features te', ['test'], DIRECTIVE.files],
    ['grid plan --sol', ['--solve'], DIRECTIVE.noFiles],
    ['stream --exchange ', ['bitget', 'bybit'], DIRECTIVE.noFiles],
    ['stream --exchange=by', ['--exchange=bybit'], DIRECTIVE.noFiles],
    ['stream --symbols BTCUSDT,', ['BTCUSDT,ETHUSDT'], DIRECTIVE.noFiles],
    ['stream --symbols bt', ['BTCUSDT'], DIRECTIVE.noFiles],
    ['symbols --notation c', ['canonical', 'ccxt'], DIRECTIVE.noFiles],
    ['query t', ['trade', 'ticker'], DIRECTIVE.files],
  ])('of "mdtool %s" are %j', async (line, words, directive) => {
    expect(await offered(line)).toEqual({ words, directive });
  });

  it.each([
    ['candles ', DIRECTIVE.files],
    ['features ', DIRECTIVE.files],
    ['backtest --report ', DIRECTIVE.files],
    ['candles --store ', DIRECTIVE.directories],
    ['compact ', DIRECTIVE.noFiles],
    ['nonsense x', DIRECTIVE.noFiles],
  ])('of "mdtool %s" are left to the shell: %i', async (line, directive) => {
    expect(await offered(line)).toEqual({ words: [], directive });
  });
});

describe('a real shell', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mdtool-completion-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'bin/mdtool');
  mkdirSync(join(folder, 'bin'));
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'bin/run.js')}" "$@"\n`);
  chmodSync(program, 0o755);
  writeFileSync(join(folder, 'market.ndjson'), '');
  for (const [shell, script] of Object.entries(SCRIPTS)) writeFileSync(join(folder, `script.${shell}`), script);
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, PS1: '$ ' };
  const shell = (name: string, args: readonly string[]) => spawnSync(name, args, { cwd: folder, encoding: 'utf8', env }).stdout;

  it('offers the views of the store that mdtool.toml names', async () => {
    const project = join(folder, 'project');
    mkdirSync(project);
    const writer = await openStoreWriter(join(project, 'elsewhere'), { step: 'stream', onWarning: () => {} });
    await writer.write([tradeRecord()]);
    await writer.close();
    writeFileSync(join(project, 'mdtool.toml'), 'store = "nowhere"\n[query]\nstore = "elsewhere"\n');
    const words = [process.execPath, [join(ROOT, 'bin/run.js'), 'complete', 'word', 'query', 'tr']] as const;
    const { stdout } = spawnSync(...words, { cwd: project, encoding: 'utf8', env: { ...env, MDTOOL_STORE: '' } });
    expect(stdout).toMatch(/^trade\t/m);
  });

  /** Types on a terminal of its own (script(1) makes one) and waits for what each answer must hold. */
  async function typed(command: string, steps: readonly (readonly [keys: string, shown: string])[]): Promise<string> {
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, env });
    let drawn = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      drawn += text;
    });
    for (const [keys, shown] of steps) {
      child.stdin.write(keys);
      const from = drawn.length;
      await expect.poll(() => stripVTControlCharacters(drawn.slice(from)), { timeout: 40_000 }).toContain(shown);
    }
    child.kill('SIGKILL');
    return drawn;
  }

  const STEPS = [
    ['mdtool stre\t', 'mdtool stream'],
    ['--market=li\t', '--market=linear'],
    ['\x15mdtool candles mark\t', 'market.ndjson'],
  ] as const;
  const hasTerminal = isInstalled('script', 'tests of completion');

  it.skipIf(!hasTerminal)('bash completes commands, what stands after =, and file names', async () => {
    await typed('bash --noprofile --rcfile script.bash -i', STEPS);
  });

  it.skipIf(!hasTerminal || !isInstalled('zsh', 'tests of completion'))('zsh completes the same', async () => {
    const start = 'autoload -Uz compinit; compinit -C -D; source ./script.zsh; echo rea""dy\n';
    await typed('zsh -f -i', [[start, 'ready'], ...STEPS]);
  });

  it.skipIf(!isInstalled('fish', 'tests of completion'))('fish completes commands, values, and file names', () => {
    const ask = (line: string) => `complete -C ${JSON.stringify(line)}`;
    const lines = [
      'mdtool stre',
      'mdtool grid pl',
      'mdtool stream --market=li',
      'mdtool stream --channels trade,ti',
      'mdtool candles mark',
    ];
    const found = shell('fish', ['-N', '-c', `source script.fish; ${lines.map(ask).join('; ')}`]);
    expect(found.split('\n').map((line) => line.split('\t')[0])).toEqual([
      'stream',
      'plan',
      '--market=linear',
      'trade,ticker',
      'market.ndjson',
      '',
    ]);
  });

  // No registry of ours has it, so that CI goes without.
  const hasPowerShell = spawnSync('pwsh', ['--version']).status === 0;
  if (!hasPowerShell) console.error('\nSKIPPED: the completion of PowerShell needs pwsh, which is not installed\n');

  it.skipIf(!hasPowerShell)('PowerShell completes commands, values, and parts of lists', () => {
    const lines = ['mdtool stre', 'mdtool grid pl', 'mdtool stream --market=li', 'mdtool stream --channels trade,ti'];
    const ask = (line: string) => `(TabExpansion2 '${line}' ${line.length}).CompletionMatches.CompletionText`;
    const script = ['Invoke-Expression (Get-Content -Raw script.powershell)', ...lines.map(ask)].join('; ');
    expect(shell('pwsh', ['-NoProfile', '-Command', script]).split(/\r?\n/)).toEqual([
      'stream',
      'plan',
      '--market=linear',
      'ticker',
      '',
    ]);
  });
});
