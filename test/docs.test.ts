import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isInstalled } from './support/installed.js';
import { ROOT } from './support/mdtool.js';
import { mdtoolHere } from './support/mdtool-here.js';

/** A console block: `$ ` begins a command, the lines after it are what it prints; `…` stands for anything. */
type Example = { readonly command: string; readonly output: string };

function examplesOf(text: string): Example[] {
  const blocks = [...text.matchAll(/```console\n([\s\S]*?)```/g)].map((match) => match[1] as string);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .filter((part) => part.trim() !== '')
      .map((part) => {
        const lines = part.trimEnd().split('\n');
        const last = lines.findIndex((line) => !line.endsWith('\\'));
        return { command: lines.slice(0, last + 1).join('\n'), output: lines.slice(last + 1).join('\n') };
      }),
  );
}

function pattern(output: string): RegExp {
  const escaped = output.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('[\\s\\S]*?')}\\s*$`);
}

/** A folder as a reader of the README has it: `mdtool` on the path, `fixtures/` and `examples/` beside. Examples run in it one after another. */
const folder = mkdtempSync(join(tmpdir(), 'mdtool-docs-'));
mkdirSync(join(folder, 'bin'));
writeFileSync(join(folder, 'bin/mdtool'), `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'bin/run.js')}" "$@"\n`);
chmodSync(join(folder, 'bin/mdtool'), 0o755);
for (const name of ['fixtures', 'examples', 'node_modules']) symlinkSync(join(ROOT, name), join(folder, name));
execFileSync(
  process.execPath,
  ['--import', 'tsx', join(ROOT, 'test/support/synthetic-market-main.ts'), join(folder, 'market.ndjson.gz')],
  { cwd: ROOT },
);
afterAll(() => rmSync(folder, { recursive: true }));

const ENV = { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, NO_COLOR: '1' };

/** One command of a pipe; `errors`: what it writes to stderr is shown. */
type Stage = { readonly text: string; readonly words: readonly string[]; readonly errors: boolean };

/**
 * Returns the commands of a pipe; undefined for a line that needs a shell: a redirection, a variable, a second command, a
 * stream whose reader leaves.
 */
function stagesOf(line: string): Stage[] | undefined {
  const parts = line.match(/(?:'[^']*'|"[^"]*"|2>\/dev\/null|[^|'"])+/g) ?? [];
  const stages = parts.map((part) => {
    const text = part.replace('2>/dev/null', '').trim();
    return { text, words: wordsOf(text), errors: !part.includes('2>/dev/null') };
  });
  const needsShell = stages.some(({ text }) => /[><;&$`]|\\\n/.test(text.replaceAll(/'[^']*'/g, '')));
  const isLeft = stages.some(({ words }, index) => words[0] === 'head' && stages[index - 1]?.words[1] === 'stream');
  return needsShell || isLeft || !stages.some(({ words }) => words.includes('mdtool')) ? undefined : stages;
}

/** Returns the words of a command line; quotes hold a word together. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => single ?? double ?? plain ?? '');
}

/** Runs a pipe, one command after the other: mdtool within this process, others by a shell. */
async function runStages(stages: readonly Stage[]): Promise<string[]> {
  let [input, shown] = ['', ''];
  for (const { text, words, errors } of stages) {
    const at = words.indexOf('mdtool');
    if (at < 0) {
      input = spawnSync('bash', ['-c', text], { cwd: folder, input, encoding: 'utf8' }).stdout;
      continue;
    }
    const given = Object.fromEntries(words.slice(0, at).map((word) => word.split('=') as [string, string]));
    const { stdout, stderr } = await mdtoolHere(words.slice(at + 1), { cwd: folder, input, env: { ...ENV, ...given } });
    input = stdout;
    if (errors) shown += stderr;
  }
  return [`${input}${shown}`, `${shown}${input}`];
}

/** Returns what a command prints, in the orders in which a terminal may show stdout and stderr. */
async function run(command: string): Promise<string[]> {
  const stages = stagesOf(command);
  if (stages) return await runStages(stages);
  const env = { ...process.env, ...ENV };
  return new Promise((resolve) => {
    execFile('bash', ['-c', `{ ${command}\n} 2>&1`], { cwd: folder, env, maxBuffer: 1 << 26 }, (_, stdout) => resolve([stdout]));
  });
}

/** The pages, in the order in which their examples run: each finds what those before it have made. */
const PAGES = [
  'README',
  ...'symbols stream store import candles verify features grid backtest account notify outputs operations more-machines own-features cookbook/README'
    .split(' ')
    .map((name) => `docs/${name}`),
];
const TEXTS = new Map(PAGES.map((page) => [page, readFileSync(join(ROOT, `${page}.md`), 'utf8')]));
const README = TEXTS.get('README') as string;

const hasRedis = isInstalled('redis-server', 'the examples of docs/more-machines.md');

describe.each([...TEXTS].filter(([page]) => hasRedis || page !== 'docs/more-machines'))('%s', (_, text) => {
  const examples = examplesOf(text).map(({ command, output }) => [command, output] as const);
  it.each(examples)('prints what %s prints', async (command, output) => {
    const printed = await run(command);
    expect(printed.some((one) => pattern(output).test(one)) ? output : printed[0]).toBe(output);
  });
});

it('docs/months.md says what to do on each alert', () => {
  const rules = readFileSync(join(ROOT, 'packaging/prometheus/alerts.yml'), 'utf8');
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const months = readFileSync(join(ROOT, 'docs/months.md'), 'utf8');
  const sections = new Map(months.split(/^### /m).map((part) => [part.split('\n')[0], part.length]));
  expect(alerts.length).toBeGreaterThan(10);
  expect(alerts.filter((name) => (sections.get(name) ?? 0) < 100)).toEqual([]);
});

const COOKBOOK = readFileSync(join(ROOT, 'docs/cookbook/README.md'), 'utf8');
const hasPandas = spawnSync('python3', ['-c', 'import pandas']).status === 0;

describe('the snippets of the cookbook', () => {
  const snippets = [...COOKBOOK.matchAll(/```(js|python) run\n([\s\S]*?)```/g)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));

  it.each(snippets)('prints what its last comment says: $language', async ({ language, code }) => {
    if (language === 'python' && !hasPandas) return console.log('skipped: pandas is not installed');
    const name = language === 'js' ? 'snippet.mjs' : 'snippet.py';
    writeFileSync(join(folder, name), code);
    const expected = code
      .trimEnd()
      .split('\n')
      .at(-1)
      ?.replace(/^(#|\/\/) /, '');
    expect(await run(language === 'js' ? `node ${name}` : `python3 ${name}`)).toEqual([`${expected}\n`]);
  });

  it('has a notebook of cells', () => {
    const notebook = JSON.parse(readFileSync(join(ROOT, 'docs/cookbook/store.ipynb'), 'utf8')) as {
      cells: { source: string[] }[];
    };
    expect(notebook.cells.map(({ source }) => source.join('')).join('\n')).toContain('"mdtool", "query"');
  });
});

describe('README', () => {
  it('names the two commands that do everything', () => {
    expect(README).toContain('npm ci && npm run demo');
    expect(README).toContain('npm cit');
  });

  it('says in its first screen what mdtool is, with a picture', () => {
    const first = README.split('\n').slice(0, 12).join('\n');
    expect(first).toMatch(/!\[[^\]]+\]\(docs\/images\//);
  });

  it('and the pages have an example of every command, and link to what there is', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as { commands: Record<string, unknown> };
    const examples = [...TEXTS.values()].flatMap((text) => examplesOf(text).map(({ command }) => command));
    const missing = Object.keys(manifest.commands).filter(
      (id) => !examples.some((command) => command.includes(`mdtool ${id.replaceAll(':', ' ')}`)),
    );
    expect(missing).toEqual([]);
    for (const [page, text] of TEXTS) {
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) =>
        join(ROOT, dirname(page), match[1] as string),
      );
      expect(
        links.filter((link) => !existsSync(link)),
        page,
      ).toEqual([]);
    }
  });
});

describe('texts', () => {
  it('the references are those of the schema and the commands', () => {
    execFileSync(process.execPath, [join(ROOT, 'scripts/reference.js'), folder]);
    for (const name of ['docs/records.md', 'docs/settings.md']) {
      expect(readFileSync(join(ROOT, name), 'utf8')).toBe(readFileSync(join(folder, name), 'utf8'));
    }
  });

  it('name every fixture and its licence', () => {
    const listed = readFileSync(join(ROOT, 'fixtures/README.md'), 'utf8');
    const names = readdirSync(join(ROOT, 'fixtures')).filter((name) => name !== 'README.md' && name !== 'licences');
    for (const name of names) expect(listed).toContain(name);
  });
});
