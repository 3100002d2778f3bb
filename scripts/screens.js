#!/usr/bin/env node
// Writes docs/screens: what a terminal of 80 and of 120 columns shows. Needs tmux and a build; run it as
// `npm run screens`. The account is one of the local exchange: every key and figure in it is made up.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bybit } from '../src/lib/exchanges/bybit/index.ts';
import { startAccountServer } from '../test/support/exchange-server/accounts/server.ts';
import { SignedClient } from '../test/support-tests/accounts/signed-client.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCREENS = join(ROOT, 'docs/screens');
const ROWS = 12;
/** Time until a panel has its first figures, ms. */
const SETTLED = 4_000;

const folder = mkdtempSync(join(tmpdir(), 'mdtool-screens-'));
const server = await startAccountServer('bybit', { symbols: { linear: 2 }, strangers: false });
try {
  const environment = openAccount();
  mkdirSync(SCREENS, { recursive: true });
  for (const width of [80, 120]) {
    const text = await captured(`account-${width}`, width, `account --exchange bybit --demo --watch`, environment);
    writeFileSync(join(SCREENS, `account-${width}.txt`), text);
  }
} finally {
  await server.close();
  rmSync(folder, { recursive: true });
}

/** Opens an account with a short position and an order; returns the variables that point mdtool to it. */
function openAccount() {
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
async function captured(name, width, command, environment) {
  const variables = Object.entries(environment).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const program = `${process.execPath} ${join(ROOT, 'bin/run.js')} ${command}`;
  const tmux = (...args) => execFileSync('tmux', ['-L', `mdtool-${process.pid}`, ...args], { encoding: 'utf8' });
  tmux('new-session', '-d', '-s', name, '-x', String(width), '-y', String(ROWS), ...variables, program);
  await sleep(SETTLED);
  const text = tmux('capture-pane', '-p', '-t', name);
  tmux('kill-session', '-t', name);
  return `${text.replace(/ +$/gm, '').trimEnd()}\n`;
}
