#!/usr/bin/env node
// Do two built versions do the same? Runs the same command lines in both, each in its own folder, and compares records on
// stdout, exit codes and every file written, byte for byte. What people read on stderr may differ.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { CASES, INPUTS, reportCases } from './compare-cases.js';
import { OUTPUT, STEPS } from './demo-steps.js';

const USAGE = `usage: npm run compare -- OLD [NEW] [--reports DIR]
OLD and NEW are built checkouts of mdtool; NEW is this one unless named.
  --reports DIR  also every tape, archive and file of candles or trades below DIR`;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHARED = ['fixtures', 'examples', 'inputs', 'reports'];
/** Nothing here may reach a network, whatever a version does. */
const NOWHERE = Object.fromEntries(
  ['BITGET', 'BYBIT'].flatMap((name) => [
    [`MDTOOL_${name}_REST_URL`, 'http://127.0.0.1:9'],
    [`MDTOOL_${name}_WS_URL`, 'ws://127.0.0.1:9'],
  ]),
);

/** One version with the folder that its command lines run in. */
class Version {
  constructor(checkout) {
    this.checkout = realpathSync(checkout);
    if (!existsSync(join(this.checkout, 'dist'))) throw new Error(`${checkout} is not built: npm run build`);
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'mdtool-compare-')));
    this.seen = new Map();
  }

  prepare(reports) {
    for (const name of ['fixtures', 'examples']) cpSync(join(ROOT, name), join(this.folder, name), { recursive: true });
    for (const name of ['inputs', OUTPUT]) mkdirSync(join(this.folder, name));
    for (const [name, text] of Object.entries(INPUTS)) writeFileSync(join(this.folder, name), text);
    if (reports) symlinkSync(resolve(reports), join(this.folder, 'reports'));
  }

  /** Returns what a command line prints, the exit codes of its commands, and the files that it wrote. */
  async run(line) {
    const script = `mdtool() { "$NODE" "$MDTOOL" "$@"; }\n${line}\nprintf '%s ' "\${PIPESTATUS[@]}" >&3`;
    const ours = Object.entries(process.env).filter(([name]) => !/^(MDTOOL|XDG|REDIS)_/.test(name));
    const env = { ...Object.fromEntries(ours), ...NOWHERE, XDG_CONFIG_HOME: this.folder, NO_COLOR: '1', TZ: 'UTC' };
    const started = { NODE: process.execPath, MDTOOL: join(this.checkout, 'bin/run.js') };
    const stdio = ['ignore', 'pipe', 'pipe', 'pipe'];
    const child = spawn('bash', ['-c', script], { cwd: this.folder, env: { ...env, ...started }, stdio });
    const [stdout, stderr, codes] = await Promise.all([1, 2, 3].map((at) => textOf(child.stdio[at])));
    return { stdout: normal(this.#withoutPaths(stdout)), stderr, codes: codes.trim(), files: this.#written() };
  }

  #withoutPaths(text) {
    return text.replaceAll(this.folder, 'FOLDER').replaceAll(this.checkout, 'CHECKOUT');
  }

  /** Segments of a store have random names: a store is compared by what is queried from it. */
  #written(at = '', found = new Map()) {
    for (const entry of readdirSync(join(this.folder, at), { withFileTypes: true })) {
      const [name, path] = [join(at, entry.name), join(this.folder, at, entry.name)];
      if (SHARED.includes(name) || existsSync(join(path, 'mdtool-store.json'))) continue;
      if (entry.isDirectory()) this.#written(name, found);
      else {
        const { mtimeMs, size } = statSync(path);
        if (this.seen.get(name) !== `${mtimeMs} ${size}`) found.set(name, path);
        this.seen.set(name, `${mtimeMs} ${size}`);
      }
    }
    return found;
  }
}

async function textOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * What no two runs share, and sentences for people: `reason` is one only where it has a space (that of a gap or a fill is a
 * word). A query prints the JSON of a column as text, in which quotes are escaped.
 */
const VOLATILE = [
  [/("type": ?"grid_(?:level|plan)",\s*"timestamp": ?)\d+/g, '$1NOW'],
  [/("(?:started|ended)_timestamp": ?)\d+/g, '$1NOW'],
  [/("(?:warnings|reasons)\\?": ?)\[[^\]]*\]/g, '$1[]'],
  [/("(?:reason|message)\\?": ?\\?")[^"]* [^"]*"/g, '$1"'],
];

function normal(text) {
  return VOLATILE.reduce((normalised, [pattern, replacement]) => normalised.replace(pattern, replacement), text);
}

/** Returns what differs first, undefined when nothing does. */
async function difference(before, after) {
  if (before.codes !== after.codes) return `exit ${before.codes} | ${after.codes}: ${lastLine(before)} | ${lastLine(after)}`;
  if (before.stdout !== after.stdout) return `stdout ${ofTexts(before.stdout, after.stdout)}`;
  for (const name of new Set([...before.files.keys(), ...after.files.keys()])) {
    const [one, other] = [before.files.get(name), after.files.get(name)];
    if (!one || !other) return `${name} is written by ${one ? 'OLD' : 'NEW'} only`;
    if (readFileSync(one).equals(readFileSync(other))) continue;
    const read = name.endsWith('.parquet') ? rowsOf : (path) => readFileSync(path, 'utf8');
    const texts = [await read(one), await read(other)];
    // Bytes that are no text may differ where the texts do not; of Parquet the rows count.
    if (texts[0] !== texts[1]) return `${name} ${ofTexts(...texts)}`;
    if (!name.endsWith('.parquet')) return `${name} differs in bytes`;
  }
  return undefined;
}

const lastLine = ({ stderr }) => stderr.trim().split('\n').at(-1);

function ofTexts(one, other) {
  const [before, after] = [one.split('\n'), other.split('\n')];
  const at = before.findIndex((line, index) => line !== after[index]);
  const line = at === -1 ? before.length : at;
  const [left, right] = [before[line] ?? '(end)', after[line] ?? '(end)'];
  const column = [...left].findIndex((character, index) => character !== right[index]);
  const from = Math.max(0, (column === -1 ? left.length : column) - 30);
  return `line ${line + 1} from column ${from + 1}: ${left.slice(from, from + 80)} | ${right.slice(from, from + 80)}`;
}

async function rowsOf(parquet) {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const reader = await connection.runAndReadAll(`from read_parquet('${parquet}', hive_partitioning = false)`);
  const columns = reader.columnNames().map((name, at) => `${name} ${reader.columnType(at)}`);
  return [columns.join(), ...reader.getRowsJson().map((row) => JSON.stringify(row))].join('\n');
}

/** The input of the demo that a program makes is made once: it is not what is compared. */
function makeInputs(versions) {
  for (const { program } of STEPS.filter((step) => step.program)) {
    const paths = versions.map(({ folder }) => join(folder, program.at(-1)));
    const { status } = spawnSync(process.execPath, [...program.slice(0, -1), paths[0]], { cwd: ROOT, stdio: 'inherit' });
    if (status !== 0) throw new Error(`node ${program.join(' ')} ended with ${status}`);
    cpSync(paths[0], paths[1]);
  }
}

async function compare(versions, { reports }) {
  for (const version of versions) version.prepare(reports);
  makeInputs(versions);
  const began = Date.now();
  const lines = [...CASES, ...(reports ? reportCases(resolve(reports)) : [])];
  let different = 0;
  for (const line of lines) {
    const [before, after] = await Promise.all(versions.map((version) => version.run(line)));
    const found = await difference(before, after);
    if (found) different += 1;
    console.log(
      `${found ? 'DIFFERS' : 'equal  '}  ${before.codes.padEnd(5)}  ${line.length > 150 ? `${line.slice(0, 149)}…` : line}`,
    );
    if (found) console.log(`                ${found}`);
  }
  console.log(`\n${lines.length} cases, ${different} differ, ${Math.round((Date.now() - began) / 1000)} s`);
  return different === 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reports: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.help || positionals.length < 1 || positionals.length > 2) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
}
const versions = [positionals[0], positionals[1] ?? ROOT].map((checkout) => new Version(checkout));
try {
  process.exitCode = (await compare(versions, values)) ? 0 : 1;
} finally {
  for (const { folder } of versions) rmSync(folder, { recursive: true, force: true });
}
