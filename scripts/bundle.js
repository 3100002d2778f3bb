#!/usr/bin/env node
// Joins the built modules into dist/run, from where the program starts. To find, read and compile 250 modules and as many files
// of oclif and DuckDB's package one by one is a third of the time of a short command.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { globSync } from 'tinyglobby';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TARGET = 'dist/run';

/**
 * What is loaded by its path: the commands, the library (a module of a user's gets the classes of the program that runs it), what
 * the program starts with, and what runs in a thread or process of its own.
 */
const ENTRIES = [
  'commands/**/command.js',
  'index.js',
  ...['execute', 'help', 'help-request', 'unknown-command', 'completion/main'].map((name) => `lib/cli/${name}.js`),
  'lib/disk/system-reason.js',
  'lib/storage/upkeep/maintenance-main.js',
  'lib/backtest/study/pool-worker.js',
  'lib/jobs/job-thread.js',
];

/** The packages that go into the bundle, with what they need: every command loads them, and they have many files. */
const JOINED = ['@oclif/core', '@duckdb/node-api', 'chalk', 'smol-toml'];

/** CommonJS packages expect these names. */
const COMMON_JS = `import { dirname as $dirname } from 'node:path';
import { fileURLToPath as $fileURLToPath } from 'node:url';
const __filename = $fileURLToPath(import.meta.url), __dirname = $dirname(__filename);`;

const { dependencies, optionalDependencies, devDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
// oclif asks for ts-node where somebody has it.
const packages = ['ts-node', ...Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })];
const apart = packages.filter((name) => !JOINED.includes(name));

const files = globSync(ENTRIES, { cwd: `${ROOT}dist` });
const bundle = await rolldown({
  cwd: ROOT,
  input: Object.fromEntries(files.map((file) => [file.replace(/\.js$/, ''), `./dist/${file}`])),
  platform: 'node',
  external: (id) => apart.some((name) => id === name || id.startsWith(`${name}/`)),
  checks: { ineffectiveDynamicImport: false },
});
// Constants stay `const`: with `var`, as other bundlers write them, reading frames takes a tenth longer.
const { output } = await bundle.write({
  dir: `${ROOT}${TARGET}`,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[hash].js',
  banner: COMMON_JS,
});
await bundle.close();

const modules = output.flatMap((part) => Object.keys(part.type === 'chunk' ? part.modules : {}));
writeFileSync(`${ROOT}${TARGET}/third-party.txt`, notices(modules.filter((id) => id.includes('node_modules/'))));

// Those of earlier builds: their names change with their content.
const written = new Set(output.map(({ fileName }) => fileName));
for (const name of readdirSync(`${ROOT}${TARGET}/chunks`))
  if (!written.has(`chunks/${name}`)) rmSync(`${ROOT}${TARGET}/chunks/${name}`);

/** Returns the licences of the packages that these files are of: whoever copies their code has to pass them on. */
function notices(files) {
  const directories = new Set(files.map((file) => packageOf(file.replaceAll('\0', '').replace(/\?.*/, ''))));
  const texts = [...directories].sort().map((directory) => {
    const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
    return `${name} ${version}, ${license}\n\n${file ? readFileSync(join(directory, file), 'utf8').trim() : ''}\n`;
  });
  return `The files in this directory contain code of these packages.\n\n${texts.join('\n---\n\n')}`;
}

function packageOf(path) {
  const directory = dirname(path);
  const file = join(directory, 'package.json');
  return existsSync(file) && 'name' in JSON.parse(readFileSync(file, 'utf8')) ? directory : packageOf(directory);
}
