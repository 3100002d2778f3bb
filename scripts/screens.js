#!/usr/bin/env node
// Writes docs/screens: what a terminal of 80, 120 and 200 columns shows, with its colours in the files .ansi. One file serves
// light and dark terminals: a colour that is invisible on one of them ends the script. Needs tmux and a build; run
// it as `npm run screens`. Accounts and markets are those of the local exchange: every key and figure is made up.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bybit } from '../src/lib/exchanges/bybit/index.ts';
import { startAccountServer } from '../test/support/exchange-server/accounts/server.ts';
import { startExchangeServer } from '../test/support/exchange-server/index.ts';
import { SignedClient } from '../test/support-tests/accounts/signed-client.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCREENS = join(ROOT, 'docs/screens');
const ROWS = 14;
/** Time until a panel has its first figures, ms. */
const SETTLED = 4_000;

const WIDTHS = [80, 120, 200];
/** Bold, dim, red, green, blue, magenta, and back: yellow and white vanish on a light terminal, black on a dark one. */
const READABLE = new Set(['', '0', '1', '2', '22', '31', '32', '34', '35', '39', '49']);
/** Short windows: the features of the picture are warm within its time. */
const WINDOWS = '--window delta_z=5s,imb_shift=5s,mark_dev_z=30s';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-screens-'));
mkdirSync(SCREENS, { recursive: true });
try {
  const accounts = await startAccountServer('bybit', { symbols: { linear: 2 }, strangers: false });
  const account = openAccount(accounts);
  await shoot('account', account, 'account --exchange bybit --demo --watch', SETTLED);
  await accounts.close();
  const history = { trades: 3_000, duration: 60 * 3_600_000 };
  const market = await startExchangeServer('bybit', { symbols: { linear: 12 }, rate: 300, history, keepBooks: false });
  const live = { ...market.environment, NO_PROXY: '*' };
  const named = '--exchange bybit --market linear';
  await shoot('stream', live, `stream ${named} --channels trade,ticker,book --store ${join(folder, 'data')}`, 15_000);
  await shoot('watch', live, `watch ${named} --symbols BTCUSDT,ETHUSDT,SOLUSDT ${WINDOWS}`, 15_000);
  await market.close();
} finally {
  rmSync(folder, { recursive: true });
}

/** Writes what a command shows at every width. */
async function shoot(name, environment, command, settled) {
  for (const width of WIDTHS) {
    const { text, colours } = await captured(`${name}-${width}`, width, command, environment, settled);
    requireReadable(name, colours);
    writeFileSync(join(SCREENS, `${name}-${width}.txt`), text);
    writeFileSync(join(SCREENS, `${name}-${width}.ansi`), colours);
  }
}

function requireReadable(name, colours) {
  const codes = colours.split('\u001b[').flatMap((part) => /^([\d;]*)m/.exec(part)?.[1].split(';') ?? []);
  const unreadable = codes.filter((code) => !READABLE.has(code));
  if (unreadable.length > 0) throw new Error(`${name}: colours ${unreadable} cannot be read on every terminal`);
}

/** Opens an account with a short position and an order; returns the variables that point mdtool to it. */
function openAccount(server) {
  const key = server.desk.createKey(server.desk.open({}), {});
  const trader = new SignedClient(server.desk, key);
  server.market.setPrice('ETHUSDT', '3053.40');
  const [{ writes }] = bybit.privateSide.families;
  const order = { market: 'linear', symbol: 'ETHUSDT', settle: 'USDT', side: 'sell', reduces: false, marginMode: 'isolated' };
  const wanted = [
    { ...order, clientId: 'first', kind: 'market', amount: '2' },
    { ...order, clientId: 'second', kind: 'limit', price: '3120', amount: '1' },
    { ...order, clientId: 'third', kind: 'limit', side: 'buy', price: '2990', amount: '1', reduces: true },
  ];
  for (const one of wanted) {
    const { path, body } = writes.place(one);
    trader.ask('POST', path, JSON.parse(body));
  }
  server.market.setPrice('ETHUSDT', '3061.20');
  return { ...server.environment, ...server.keyVariables(key), XDG_CONFIG_HOME: folder, NO_PROXY: '*' };
}

/** Returns what mdtool has drawn on a terminal of this width, without trailing spaces. */
async function captured(name, width, command, environment, settled) {
  const variables = Object.entries(environment).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const program = `${process.execPath} ${join(ROOT, 'bin/run.js')} ${command}`;
  const tmux = (...args) => execFileSync('tmux', ['-L', `mdtool-${process.pid}`, ...args], { encoding: 'utf8' });
  tmux('new-session', '-d', '-s', name, '-x', String(width), '-y', String(ROWS), ...variables, program);
  await sleep(settled);
  const plain = tmux('capture-pane', '-p', '-t', name);
  const colours = tmux('capture-pane', '-p', '-e', '-t', name);
  tmux('kill-session', '-t', name);
  // The folder of the picture is of no interest, nor is the port of the exchange.
  const cleaned = (text) =>
    `${text
      .replaceAll(folder, '.')
      .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1')
      .replace(/ +$/gm, '')
      .trimEnd()}\n`;
  return { text: cleaned(plain), colours: cleaned(colours) };
}
