import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket as TcpSocket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { openSocket } from '../../../src/lib/transport/socket.js';

const closings: (() => void)[] = [];
afterEach(() => {
  for (const close of closings.splice(0)) close();
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<TcpSocket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closings.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A WebSocket that greets at once and echoes. */
async function echo(): Promise<number> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.send('hello');
    socket.on('message', (data) => socket.send(`echo ${data}`));
  });
  return listen(server);
}

function open(url: string, environment: NodeJS.ProcessEnv = {}, connectTimeout = 2_000) {
  const frames: string[] = [];
  const closes: number[] = [];
  const socket = openSocket(url, {
    connectTimeout,
    userAgent: 'test/1',
    environment,
    signal: new AbortController().signal,
    onFrame: (frame) => void frames.push(frame.toString('utf8')),
    onClose: (code) => void closes.push(code),
  });
  return { socket, frames, closes };
}

const until = async (check: () => boolean) => {
  const deadline = Date.now() + 45_000;
  while (!check() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(check()).toBe(true);
};

describe('socket', () => {
  it('gives every frame in order, the first one too, and its end once', async () => {
    const { socket, frames, closes } = open(`ws://127.0.0.1:${await echo()}`);
    const opened = await socket;
    opened.send('a');
    opened.send('b');
    await until(() => frames.length === 3);
    expect(frames).toEqual(['hello', 'echo a', 'echo b']);
    opened.close(1000);
    await until(() => closes.length > 0);
    expect(closes).toEqual([1000]);
  });

  it('goes through the proxy that the environment names', async () => {
    const port = await echo();
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, client) => {
      asked.push(request.url ?? '');
      const target = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(target).pipe(client);
      });
      target.on('error', () => client.destroy());
      client.on('error', () => target.destroy());
    });
    const proxyPort = await listen(proxy);
    const { socket, frames } = open('ws://exchange.example:80/v2', { HTTP_PROXY: `http://127.0.0.1:${proxyPort}` });
    const opened = await socket;
    await until(() => frames.length === 1);
    expect(asked).toEqual(['exchange.example:80']);
    opened.terminate();
  });

  it.each([
    ['a port where nobody listens', async () => `ws://127.0.0.1:${await unused()}`, /^127\.0\.0\.1:\d+ refused the connection$/],
    [
      'a server that turns it away',
      async () =>
        `ws://127.0.0.1:${await listen(createServer().on('upgrade', (_, socket) => socket.end('HTTP/1.1 429 Too Many\r\n\r\n')))}`,
      /rejected the connection with status 429$/,
    ],
    [
      'a server that says nothing',
      async () => `ws://127.0.0.1:${await listen(createServer().on('upgrade', () => {}))}`,
      /did not complete the handshake in time$/,
    ],
    ['TLS that cannot be verified or spoken', async () => `wss://127.0.0.1:${await echo()}`, /cannot reach 127/],
  ])('fails with a reason on %s', async (_, target, reason) => {
    await expect(open(await target(), {}, 300).socket).rejects.toThrow(reason);
  });

  async function unused(): Promise<number> {
    const server = createServer();
    const port = await listen(server);
    closings.splice(0).forEach((close) => {
      close();
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    return port;
  }
});
