#!/usr/bin/env node
// `npm pack` and `npm publish` call this before they read the tree (`strip`) and after it (`restore`). What a user installs
// has no scripts, or npm would warn that `prepare` was blocked, and its README has addresses instead of paths, since a
// registry page knows no files. The originals wait in .unpublished/.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ORIGINALS = `${ROOT}.unpublished/`;
const FILES = ['package.json', 'README.md'];

const [mode] = process.argv.slice(2);
if (mode !== 'strip' && mode !== 'restore') {
  console.error('usage: node scripts/published.js strip|restore');
  process.exit(2);
}
// Also before a strip: one that was killed half-way has left its originals.
restore();
if (mode === 'strip') strip();

function restore() {
  if (!existsSync(ORIGINALS)) return;
  for (const file of FILES) if (existsSync(ORIGINALS + file)) renameSync(ORIGINALS + file, ROOT + file);
  rmSync(ORIGINALS, { recursive: true });
}

function strip() {
  mkdirSync(ORIGINALS);
  for (const file of FILES) copyFileSync(ROOT + file, ORIGINALS + file);
  const { scripts, devDependencies, ...published } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  writeFileSync(`${ROOT}package.json`, `${JSON.stringify(published, undefined, 2)}\n`);
  const readme = readFileSync(`${ROOT}README.md`, 'utf8');
  writeFileSync(`${ROOT}README.md`, withAddresses(readme, published));
}

/** Returns the text with its relative links and images as addresses of this version in the repository. */
function withAddresses(text, { repository, version }) {
  const home = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  return text.replace(/(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)]+)\)/g, (_, image, label, path) => {
    return `${image}[${label}](${home}/${image ? 'raw' : 'blob'}/v${version}/${path})`;
  });
}
