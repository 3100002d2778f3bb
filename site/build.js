#!/usr/bin/env node
// Builds the site into site/dist: the pages of the repository and the reference of the library. Fails on a page that the
// sidebar lacks and on a dead link, to a page, a file or a heading.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PAGES } from './config.js';

const SITE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = join(SITE, '..');
/** The generator reads only what is below its own folder: there it finds its modules. */
const COPY = join(SITE, 'pages');
const DIST = join(SITE, 'dist');

const filesOf = (directory, ending) =>
  readdirSync(directory, { recursive: true }).filter((name) => name.endsWith(ending) && !name.includes('node_modules'));
const run = (program, ...args) => execFileSync(join(SITE, 'node_modules/.bin', program), args, { cwd: SITE, stdio: 'inherit' });

const listed = new Set(Object.values(PAGES).flat());
const missing = filesOf(join(ROOT, 'docs'), '.md').filter((name) => !listed.has(`docs/${name.slice(0, -3)}`));
if (missing.length > 0) fail(`not in the sidebar of site/config.js: ${missing.join(', ')}`);

rmSync(COPY, { recursive: true, force: true });
for (const page of ['README', ...listed].filter((name) => !name.startsWith('api/'))) copy(`${page}.md`);
copy('docs/images');
run('typedoc');
run('vitepress', 'build');

const dead = filesOf(DIST, '.html').flatMap(deadLinks);
if (dead.length > 0) fail(`dead links:\n${dead.join('\n')}`);
console.log(`${filesOf(DIST, '.html').length} pages in site/dist, no dead link`);

function copy(path) {
  mkdirSync(dirname(join(COPY, path)), { recursive: true });
  cpSync(join(ROOT, path), join(COPY, path), { recursive: true });
}

/** VitePress finds links to pages that are not there, but neither files nor headings. */
function deadLinks(page) {
  const html = readFileSync(join(DIST, page), 'utf8');
  const base = `http://site/${page}`;
  return [...html.matchAll(/ (?:href|src)="([^"]+)"/g)].flatMap(([, link]) => {
    const { protocol, host, pathname, hash } = new URL(link.replaceAll('&amp;', '&'), base);
    if (protocol !== 'http:' || host !== 'site') return [];
    const path = decodeURIComponent(pathname).slice(1);
    const file = [path, `${path}.html`, `${path}index.html`].find((name) => /\.\w+$/.test(name) && existsSync(join(DIST, name)));
    if (file === undefined) return [`${page}: ${link}`];
    const id = decodeURIComponent(hash).slice(1);
    const isThere = id === '' || readFileSync(join(DIST, file), 'utf8').includes(`id="${id}"`);
    return isThere ? [] : [`${page}: ${link}`];
  });
}

function fail(message) {
  console.error(`site: ${message}`);
  process.exit(1);
}
