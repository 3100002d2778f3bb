#!/usr/bin/env node
// Packs a self-contained archive: this node, the package with its dependencies, and one launcher. It needs nothing of the
// system that unpacks it. Usage: node scripts/archive.js TARBALL TARGET.tar.gz
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

const [tarball, target] = process.argv.slice(2).map((path) => resolve(path));
if (target === undefined) {
  console.error('usage: node scripts/archive.js TARBALL TARGET.tar.gz');
  process.exit(2);
}
const name = basename(target).replace(/\.tar\.gz$/, '');
const directory = mkdtempSync(join(tmpdir(), 'archive-'));
const root = join(directory, name);
try {
  mkdirSync(join(root, 'lib'), { recursive: true });
  writeFileSync(join(root, 'lib/package.json'), '{"private": true}\n');
  execFileSync('npm', ['install', '--ignore-scripts', '--omit=dev', tarball], { cwd: join(root, 'lib'), stdio: 'pipe' });
  copyFileSync(process.execPath, join(root, 'lib/node'));
  const launcher = `#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")\nexec "$here/lib/node" "$here/lib/node_modules/mdtool/bin/run.js" "$@"\n`;
  writeFileSync(join(root, 'mdtool'), launcher);
  chmodSync(join(root, 'mdtool'), 0o755);
  execFileSync('tar', ['-czf', target, '-C', directory, name]);
} finally {
  rmSync(directory, { recursive: true });
}
