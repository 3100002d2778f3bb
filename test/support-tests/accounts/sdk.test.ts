import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sign as signBitget } from '../../../src/lib/exchanges/bitget/private/sign.js';
import { sign as signBybit } from '../../../src/lib/exchanges/bybit/private/sign.js';
import type { PrivateRequest } from '../../support/exchange-server/accounts/dialect.js';
import type { ApiKey } from '../../support/exchange-server/accounts/engine/model.js';
import { type AccountServer, startAccountServer } from '../../support/exchange-server/accounts/server.js';
import { pick, seeded } from '../../support/random.js';
import { still } from './signed-client.js';

const ROOT = join(import.meta.dirname, '../../..');
const BENCH = createRequire(join(ROOT, 'test/bench/package.json'));

/** Builds of the SDKs that sign; what they send is compared, nothing of them is ours. */
type Built = { readonly url: string; readonly headers: Readonly<Record<string, unknown>>; readonly data?: unknown };
type RestClient = { buildRequest(...given: unknown[]): Promise<Built> };
type SocketClient = {
  on(name: string, take: (event: unknown) => void): void;
  subscribe(...given: unknown[]): unknown;
  subscribeV5?(...given: unknown[]): unknown;
  closeAll(force?: boolean): void;
};
type Sdk = Readonly<Record<string, new (options: object, logger?: object) => RestClient & SocketClient>>;

/** Returns an SDK; undefined, and loud, where it is not installed. In CI it must be. */
function sdk(name: string): Sdk | undefined {
  try {
    return BENCH(name) as Sdk;
  } catch (error) {
    const missing = `the oracle tests of signatures and logins need ${name}: npm ci --prefix test/bench --ignore-scripts`;
    if (process.env.CI) throw new Error(`${missing}; in CI they must run`, { cause: error });
    console.error(`\nSKIPPED: ${missing}\n`);
    return undefined;
  }
}

const SDKS = { bitget: sdk('bitget-api'), bybit: sdk('bybit-api') };
const SILENT = { trace() {}, info() {}, error() {}, silly() {}, debug() {}, notice() {}, warning() {} };
const EXCHANGES = ['bitget', 'bybit'] as const;
/** Random requests; `MDTOOL_TEST_REQUESTS` asks for more. */
const TIMES = Number(process.env.MDTOOL_TEST_REQUESTS ?? 300);

/** A random request: names, texts, numbers and flags as orders have them, some with characters that queries escape. */
function randomRequest(
  random: () => number,
  id: string,
): { method: 'GET' | 'POST'; path: string; fields: Record<string, unknown> } {
  const texts = [
    'BTCUSDT',
    'USDT-FUTURES',
    'a b',
    '27001',
    '0.010',
    'mg1a-7f3k2q-3-0-1',
    'x:y',
    '1,2',
    'é',
    'a+b',
    'p%2Cq',
    'k=v&l',
  ];
  const method = random() < 0.5 ? 'GET' : 'POST';
  const values: unknown[] = method === 'GET' ? texts : [...texts, true, false, 0, 1_764_000_000_000];
  const names = ['category', 'symbol', 'side', 'clientOid', 'limit', 'cursor', 'reduceOnly', 'startTime'];
  const fields = Object.fromEntries(names.filter(() => random() < 0.5).map((name) => [name, pick(random, values)]));
  const paths =
    id === 'bitget'
      ? ['/api/v3/account/settings', '/api/v3/trade/place-order', '/api/v3/trade/fills']
      : ['/v5/order/create', '/v5/order/realtime', '/v5/account/wallet-balance'];
  return { method, path: pick(random, paths), fields };
}

function clientOf(id: (typeof EXCHANGES)[number], key: ApiKey): RestClient {
  const Client = SDKS[id]?.[id === 'bitget' ? 'RestClientV3' : 'RestClientV5'];
  if (!Client) throw new Error(`no REST client in the SDK of ${id}`);
  const { key: name, secret, passphrase } = key;
  return id === 'bitget'
    ? new Client({ apiKey: name, apiSecret: secret, apiPass: passphrase, demoTrading: true })
    : new Client({ key: name, secret, demoTrading: true, recv_window: 5_000, encodeSerialisedValues: true });
}

/** Returns what an SDK would send, as it travels. */
async function signedBy(
  id: (typeof EXCHANGES)[number],
  client: RestClient,
  request: ReturnType<typeof randomRequest>,
): Promise<PrivateRequest> {
  const { method, path, fields } = request;
  const built = await (id === 'bitget'
    ? client.buildRequest(method, path, `http://x${path}`, { ...fields }, false)
    : client.buildRequest(method, `http://x${path}`, { ...fields }, false));
  const headers = Object.fromEntries(Object.entries(built.headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
  const at = built.url.indexOf('?');
  const body = method === 'GET' ? '' : JSON.stringify(built.data);
  return {
    method,
    path,
    query: at < 0 ? '' : built.url.slice(at + 1),
    headers,
    body,
    ip: '127.0.0.1',
    environment: id === 'bybit' ? 'demo' : 'live',
  };
}

/** Headers by which the SDKs name themselves, or that the exchanges do not ask for. */
const OTHERS = new Set(['x-channel-api-code', 'x-bapi-sign-type', 'x-referer', 'referer', 'content-type', 'locale']);

const SIGNERS = { bitget: signBitget, bybit: signBybit };

describe.each(EXCHANGES)('the SDK of %s', (id) => {
  let server: AccountServer | undefined;
  let sockets: SocketClient | undefined;
  afterEach(async () => {
    sockets?.closeAll(true);
    await server?.close();
    server = undefined;
  });

  it.skipIf(!SDKS[id])('signs random requests as the adapter does and the server checks, byte for byte', async () => {
    const { desk } = still(id);
    const key = desk.createKey(desk.open());
    const client = clientOf(id, key);
    const random = seeded(7);
    const route = { perSecond: 10, right: 'any', writes: false, answer: () => ({}) } as const;
    for (let time = 0; time < TIMES; time++) {
      const request = await signedBy(id, client, randomRequest(random, id));
      const stamp = Number(request.headers[id === 'bitget' ? 'access-timestamp' : 'x-bapi-timestamp']);
      expect(desk.dialect.authenticate(request, route, desk, stamp)).toBe(key);
      const changed =
        request.method === 'GET' ? { ...request, query: `${request.query}x` } : { ...request, body: `${request.body} ` };
      expect(() => desk.dialect.authenticate(changed, route, desk, stamp)).toThrow(/sign/i);
      expectSame(request, key, stamp);
    }
  });

  function expectSame(request: PrivateRequest, { key, secret, passphrase }: ApiKey, timestamp: number): void {
    const { method, path, query, body } = request;
    const hmac = (text: string, encoding: 'hex' | 'base64'): string => createHmac('sha256', secret).update(text).digest(encoding);
    const ours = SIGNERS[id](
      { method: method as 'GET' | 'POST', path, query, body },
      { key, passphrase, hmac, timestamp, mode: 'demo' },
    );
    const lower = Object.fromEntries(Object.entries(ours).map(([name, value]) => [name.toLowerCase(), value]));
    const theirs = Object.entries(request.headers).filter(([name]) => !OTHERS.has(name));
    expect(Object.fromEntries(Object.entries(lower).filter(([name]) => !OTHERS.has(name)))).toEqual(Object.fromEntries(theirs));
  }

  it.skipIf(!SDKS[id])('logs in to the private socket and receives orders, fills, positions and the account', async () => {
    server = await startAccountServer(id, { symbols: { linear: 3 }, strangers: false });
    server.market.setPrice('ETHUSDT', '100.00');
    const { desk } = server;
    const account = desk.open();
    const key = desk.createKey(account);
    const seen = new Set<string>();
    sockets = socketOf(id, key, server.demoWsUrl);
    sockets.on('update', (event) => {
      const { topic, arg } = event as { topic?: string; arg?: { topic?: string } };
      seen.add(topic ?? arg?.topic ?? '');
    });
    subscribe(id, sockets);
    const wanted = id === 'bitget' ? ['order', 'fill', 'position', 'account'] : ['order', 'execution', 'position', 'wallet'];
    await until(() => desk.hub.clients.some(({ topics }) => wanted.every((topic) => topics.has(topic))));
    const { Decimal } = await import('../../support/exchange-server/accounts/engine/decimals.js');
    desk.engine.place({
      account,
      symbol: desk.symbol('ETHUSDT'),
      side: 'buy',
      slot: 'net',
      kind: 'market',
      force: 'ioc',
      price: undefined,
      amount: new Decimal('0.5'),
      reduceOnly: false,
      clientId: undefined,
    });
    await until(() => wanted.every((topic) => seen.has(topic)));
    expect(desk.violations).toEqual([]);
  });
});

function socketOf(id: (typeof EXCHANGES)[number], { key, secret, passphrase }: ApiKey, base: string): SocketClient {
  const Client = SDKS[id]?.[id === 'bitget' ? 'WebsocketClientV3' : 'WebsocketClient'];
  if (!Client) throw new Error(`no WebSocket client in the SDK of ${id}`);
  const client =
    id === 'bitget'
      ? new Client(
          { apiKey: key, apiSecret: secret, apiPass: passphrase, demoTrading: true, wsUrl: `${base}/v3/ws/private` },
          SILENT,
        )
      : new Client({ key, secret, demoTrading: true, wsUrl: `${base}/v5/private` }, SILENT);
  client.on('exception', () => {});
  return client;
}

function subscribe(id: (typeof EXCHANGES)[number], client: SocketClient): void {
  if (id === 'bybit') client.subscribeV5?.(['order', 'execution', 'position', 'wallet'], 'linear');
  else
    client.subscribe(
      ['order', 'fill', 'position', 'account'].map((topic) => ({ topic, payload: { instType: 'UTA' } })),
      'v3Private',
    );
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not happen within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
