import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClientOptions } from '../../../src/lib/transport/http.js';

const REQUEST = { path: '/v5/market/instruments-info', query: { category: 'linear', cursor: 'first%3DBTC' } };
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers requests one after another; the last answer repeats. */
function inTurn(...answers: readonly { status: number; body?: string; headers?: Record<string, string> }[]) {
  const seen: string[] = [];
  const listener: RequestListener = (request, response) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    seen.push(request.url ?? '');
    response.writeHead(answer?.status ?? 500, answer?.headers).end(answer?.body ?? '');
  };
  return { seen, listener };
}

/** Fetches once with a client that sleeps no real time; returns the body or the error, and the pauses it made. */
async function fetchFrom(origin: string, options: Partial<HttpClientOptions> = {}) {
  const pauses: number[] = [];
  const sleep = async (milliseconds: number) => void pauses.push(milliseconds);
  const client = await createHttpClient({ userAgent: 'mdtool/test', sleep, random: () => 1, ...options });
  const result = await client.get(origin, REQUEST).catch((error: Error & { exitCode?: number }) => error);
  await client.close();
  return { result, pauses };
}

describe('HTTP client', () => {
  it('returns the body, with query and user agent sent', async () => {
    let agent: string | undefined;
    const { seen, listener } = inTurn({ status: 200, body: '{"ok":1}' });
    const origin = await serve((request, response) => {
      agent = request.headers['user-agent'];
      listener(request, response);
    });
    expect((await fetchFrom(origin)).result).toBe('{"ok":1}');
    expect(agent).toBe('mdtool/test');
    expect(seen).toEqual(['/v5/market/instruments-info?category=linear&cursor=first%253DBTC']);
  });

  it('waits as long as a 429 asks for, and tries again', async () => {
    const { listener } = inTurn({ status: 429, headers: { 'retry-after': '2' } }, { status: 429 }, { status: 200, body: '[]' });
    const { result, pauses } = await fetchFrom(await serve(listener));
    expect(result).toBe('[]');
    expect(pauses).toEqual([2000, 1000]);
  });

  it('does not wait for an hour', async () => {
    const { seen, listener } = inTurn({ status: 429, headers: { 'retry-after': '3600' } });
    const { result, pauses } = await fetchFrom(await serve(listener));
    expect(result).toMatchObject({ exitCode: 5, message: expect.stringContaining('returned 429') });
    expect([seen.length, pauses.length]).toEqual([1, 0]);
  });

  it('tries again after a server error, with doubled pauses, and then gives up', async () => {
    const { seen, listener } = inTurn({ status: 502, body: '<html>Bad\n gateway</html>' });
    const { result, pauses } = await fetchFrom(await serve(listener), { retries: 5 });
    expect(result).toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ returned 502: <html>Bad gateway<\/html> after 6 attempts \(GET \/v5/),
    });
    expect(seen).toHaveLength(6);
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000]);
  });

  it.each([
    [403, { body: 'country blocked' }, /returned 403: country blocked \(GET/],
    [400, { body: '{"code":"40034"}' }, /returned 400: \{"code":"40034"\}/],
    [302, { headers: { location: 'http://127.0.0.1:1/elsewhere' } }, /returned 302; redirects are not followed/],
    [200, { body: '<html>maintenance</html>' }, /returned 200 but not JSON: <html>maintenance/],
    [200, { body: '' }, /not JSON/],
  ])('does not retry after %i', async (status, answer, message) => {
    const { seen, listener } = inTurn({ status, ...answer });
    const { result } = await fetchFrom(await serve(listener));
    expect(result).toMatchObject({ exitCode: 5, message: expect.stringMatching(message) });
    expect(seen).toHaveLength(1);
  });

  it('gives up on an answer that is too large before it is read', async () => {
    let sent = 0;
    const origin = await serve((_, response) => {
      const more = () => {
        while (sent < 50_000_000 && response.write('['.repeat(100_000))) sent += 100_000;
      };
      response.on('drain', more);
      more();
    });
    const { result } = await fetchFrom(origin, { largestBody: 1_000_000 });
    expect(result).toMatchObject({ exitCode: 5, message: expect.stringContaining('more than 1000000 bytes') });
    expect(sent).toBeLessThan(50_000_000);
  });

  it('gives up on a server that hangs, before and within the body', async () => {
    const silent = await serve(() => {});
    const stalled = await serve((_, response) => void response.write('{"half":'));
    for (const origin of [silent, stalled]) {
      const { result, pauses } = await fetchFrom(origin, { timeout: 60, retries: 1 });
      expect(result).toMatchObject({
        exitCode: 5,
        message: expect.stringMatching(/did not answer within 60 ms after 2 attempts/),
      });
      expect(pauses).toHaveLength(1);
    }
  });

  it('names a refused connection and one that broke off', async () => {
    expect((await fetchFrom('http://127.0.0.1:1', { retries: 1 })).result).toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/^127\.0\.0\.1:1 refused the connection after 2 attempts \(GET/),
    });
    const origin = await serve((request) => void request.socket.destroy());
    expect((await fetchFrom(origin, { retries: 0 })).result).toMatchObject({
      message: expect.stringMatching(/(closed the connection early|reset the connection)/),
    });
  });

  it('stops at once when the step is stopped', async () => {
    const controller = new AbortController();
    const origin = await serve(() => controller.abort());
    const { result, pauses } = await fetchFrom(origin, { signal: controller.signal });
    expect(result).toMatchObject({ message: expect.stringContaining('cancelled') });
    expect(pauses).toEqual([]);
  });
});
