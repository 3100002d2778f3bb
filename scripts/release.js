#!/usr/bin/env node
// Makes and publishes a release, from the workflow or by hand; --dry-run does all of it but publish. Results lie in release/.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TARGET = join(ROOT, 'release');
const isDry = process.argv.includes('--dry-run');
const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const run = (program, ...args) => execFileSync(program, args, { cwd: ROOT, stdio: 'inherit' });
const read = (program, ...args) => execFileSync(program, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64e6 });

const refusals = [
  ...(read('git', 'status', '--porcelain').trim() === '' ? [] : ['the tree has changes that are not committed']),
  ...(isDry || read('git', 'tag', '--points-at', 'HEAD').split('\n').includes(`v${version}`)
    ? []
    : [`HEAD has no tag v${version}`]),
  ...(notesOf(version) === undefined ? [`CHANGELOG.md has nothing on ${version}`] : []),
];
if (refusals.length > 0) {
  console.error(`release: ${refusals.join('; ')}`);
  process.exit(1);
}
rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET);
run('npm', 'run', 'check');
writeFileSync(join(TARGET, 'NOTES.md'), notesOf(version));
writeFileSync(join(TARGET, 'sbom.cdx.json'), read('npm', 'sbom', '--omit=dev', '--sbom-format=cyclonedx'));
run('npm', 'pack', '--pack-destination', TARGET);
const tarball = join(TARGET, `${name}-${version}.tgz`);
run('node', 'scripts/archive.js', tarball, join(TARGET, `${name}-${version}-${process.platform}-${process.arch}.tar.gz`));
run('npm', 'publish', tarball, '--access=public', ...(isDry ? ['--dry-run'] : ['--provenance']));
console.log(`${isDry ? 'would release' : 'released'} ${name} ${version}: ${readdirSync(TARGET).join(', ')}`);

/** Returns the section of a version. */
function notesOf(wanted) {
  const sections = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8').split(/^## /m).slice(1);
  return sections.find((text) => text.startsWith(wanted))?.replace(/^.*\n+/, '');
}
