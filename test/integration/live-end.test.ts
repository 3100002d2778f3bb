import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { TimeLimit } from '../../src/lib/cli/live/tools.js';
import { decodeRecord } from '../../src/lib/model/ndjson.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { finished, start } from '../support/mdtool.js';

const directory = mkdtempSync(join(tmpdir(), 'live-end-'));
const FAST = { MDTOOL_BYBIT_RECONNECT_FIRST: '100ms', MDTOOL_BYBIT_RECONNECT_JITTER: '0', MDTOOL_BYBIT_RECONNECT_PAUSE: '0' };
/** Longer than a test may take: who waits for it does not end. */
const TEN_MINUTES = 600_000;

const servers: ExchangeServer[] = [];
/** Accepts connections and says nothing, not even that they are WebSockets. */
let deaf: Server;
const sockets: Socket[] = [];
/** Accepts WebSockets and answers no request. */
let mute: WebSocketServer;

beforeAll(async () => {
  deaf = createServer((socket) => sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  mute = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(mute, 'listening');
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const client of mute.clients) client.terminate();
  deaf.close();
  mute.close();
  for (const server of servers) await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const urlOf = (server: Server | WebSocketServer) => `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function startServer(): Promise<ExchangeServer> {
  const server = await startExchangeServer('bybit', { symbols: { linear: 1 }, rate: 40, keepBooks: false });
  servers.push(server);
  return server;
}

/** Starts a capture as a process of its own. */
function capture(server: ExchangeServer, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const all = ['stream', '--exchange', 'bybit', '--market', 'linear', ...args];
  return start(all, { env: { ...server.environment, ...FAST, ...env }, cwd: directory });
}

it.concurrent.each([
  ['has banned the address for ten minutes', { kind: 'answer', status: 403, body: 'access too frequent' }],
  ['never answers', { kind: 'late', milliseconds: TEN_MINUTES }],
] as const)('a run ends by its --duration while REST %s, and reports what is missing', async (name, fault) => {
  const server = await startServer();
  const file = `${name.replaceAll(' ', '-')}.ndjson`;
  const ended = finished(capture(server, ['--duration', '1500ms', '-o', file]));
  await expect.poll(() => server.subscriptions, { timeout: 45_000 }).toBe(1);
  await expect.poll(() => server.tradeCount(), { timeout: 45_000 }).toBeGreaterThan(5);
  server.faults.http(fault, { times: 1_000, path: /recent-trade/ });
  await new Promise((resolve) => setTimeout(resolve, 300));
  server.drop();
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(3);
  const records = readFileSync(join(directory, file), 'utf8').trim().split('\n').map(decodeRecord);
  const gaps = records.filter((record) => record.type === 'gap');
  expect(gaps, stderr).toMatchObject([{ channel: 'trade', reason: 'disconnect', missing: true }]);
});

it('a --duration is not waited for where nothing is ever confirmed', async () => {
  const limit = new TimeLimit({ duration: 20_000, until: undefined }, new AbortController().signal);
  const aborted = once(limit.signal, 'abort');
  limit.countFrom(() => false, 20);
  await aborted;
  limit.end();
});

it.concurrent('a run that is stopped before a subscription was confirmed is not complete', async () => {
  const server = await startServer();
  const child = capture(server, ['-o', 'mute.ndjson'], { MDTOOL_BYBIT_WS_URL: urlOf(mute) });
  const ended = finished(child);
  const [client] = (await once(mute, 'connection')) as [WebSocket];
  await once(client, 'message');
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toContain('nothing was captured: no subscription was confirmed when the run ended');
  expect(code).toBe(3);
});

it.concurrent('a run that is stopped before anything was connected ends as unreachable', async () => {
  const server = await startServer();
  const child = capture(server, ['-o', 'deaf.ndjson'], { MDTOOL_BYBIT_WS_URL: urlOf(deaf) });
  const ended = finished(child);
  await expect.poll(() => sockets.length, { timeout: 45_000 }).toBeGreaterThan(0);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toContain('the run ended before anything was connected');
  expect(code).toBe(5);
});
