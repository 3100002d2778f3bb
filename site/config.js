import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { description, repository, version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
const HOME = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');

/**
 * The pages of the repository that are pages of the site, by the headings of the sidebar. `build.js` refuses a page that
 * is missing here.
 */
export const PAGES = {
  'Market data': ['docs/symbols', 'docs/stream', 'docs/store', 'docs/import', 'docs/verify', 'docs/candles'],
  Research: ['docs/features', 'docs/own-features', 'docs/backtest', 'docs/cookbook/README'],
  Trading: ['docs/grid', 'docs/grid-run', 'docs/account', 'docs/notify'],
  Operation: [
    'docs/operations',
    'docs/months',
    'docs/more-machines',
    'docs/store-in-a-bucket',
    'docs/beyond-one-machine',
    'docs/performance',
  ],
  Reference: ['docs/outputs', 'docs/records', 'docs/settings', 'api/README', 'CHANGELOG', 'SECURITY'],
  'How it is built': ['ARCHITECTURE', 'CONTRIBUTING', 'docs/adding-an-exchange', 'docs/local-exchange'],
};

const REWRITES = {
  'README.md': 'index.md',
  'docs/cookbook/README.md': 'docs/cookbook/index.md',
  'api/README.md': 'api/index.md',
};
/** The title of a page before its colon, short enough for the sidebar. */
const titleOf = (page) => {
  const [, title = page] = /^# (.*)$/m.exec(readFileSync(`${ROOT}${page}.md`, 'utf8')) ?? [];
  return title.replaceAll('`', '').replace(/:.*/, '');
};
const addressOf = (page) => `/${REWRITES[`${page}.md`] ?? page}`.replace(/(?:index)?(?:\.md)?$/, '');

/** The file of a page in the repository. */
const pathOf = (page) => Object.keys(REWRITES).find((path) => REWRITES[path] === page) ?? page;

/**
 * Returns where a link leads on the site. Files of the repository that are no pages have an address there. A link to nothing
 * stays as it is, and fails the build.
 */
function linkOf(href, page) {
  if (/^(?:[a-z]+:|#)/.test(href)) return href;
  const path = relative(ROOT, resolve(ROOT, dirname(page), href));
  if (REWRITES[path] !== undefined) return `/${REWRITES[path]}`;
  return !/\.md(?:#|$)/.test(href) && existsSync(`${ROOT}${path}`) ? `${HOME}/blob/v${version}/${path}` : href;
}

export default {
  title: 'mdtool',
  description,
  base: process.env.SITE_BASE ?? '/',
  srcDir: 'pages',
  outDir: 'dist',
  cacheDir: 'cache',
  rewrites: REWRITES,
  markdown: {
    languageAlias: { cron: 'sh' },
    config(markdown) {
      const { link_open: render = (tokens, index, options, _, self) => self.renderToken(tokens, index, options) } =
        markdown.renderer.rules;
      markdown.renderer.rules.link_open = (tokens, index, options, env, self) => {
        const token = tokens[index];
        token.attrSet('href', linkOf(token.attrGet('href'), pathOf(env.relativePath)));
        return render(tokens, index, options, env, self);
      };
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [{ text: `v${version}`, link: '/CHANGELOG' }],
    socialLinks: [{ icon: 'github', link: HOME }],
    sidebar: Object.entries(PAGES).map(([text, pages]) => ({
      text,
      items: pages.map((page) => ({ text: page === 'api/README' ? 'Library' : titleOf(page), link: addressOf(page) })),
    })),
  },
};
