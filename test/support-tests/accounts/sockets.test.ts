import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Desk, NewKey } from '../../support/exchange-server/accounts/desk.js';
import type { Link } from '../../support/exchange-server/accounts/dialect.js';
import { Decimal } from '../../support/exchange-server/accounts/engine/decimals.js';
import type { ApiKey } from '../../support/exchange-server/accounts/engine/model.js';
import { type AccountServer, startAccountServer } from '../../support/exchange-server/accounts/server.js';
import { type Fields, still } from './signed-client.js';

/** One end of a private connection without a network. */
class TestLink implements Link {
  readonly connectionId = 'c1';
  readonly answers: Fields[] = [];
  readonly pushes: string[] = [];
  isClosed = false;

  control(text: string): void {
    this.answers.push(text === 'pong' ? { pong: true } : (JSON.parse(text) as Fields));
  }

  data(text: string): void {
    this.pushes.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  pinged(): void {}
}

type Opened = {
  readonly server: AccountServer;
  readonly desk: Desk;
  readonly key: ApiKey;
  readonly link: TestLink;
  send(message: unknown): void;
};

function open(id: 'bitget' | 'bybit', given: NewKey = {}): Opened {
  const server = still(id);
  const { desk } = server;
  const key = desk.createKey(desk.open(), given);
  const link = new TestLink();
  const path = id === 'bitget' ? '/v3/ws/private' : '/v5/private';
  const send = (message: unknown): void => desk.hub.receive(link, JSON.stringify(message), path, 'demo');
  return { server, desk, key, link, send };
}

function loggedIn(id: 'bitget' | 'bybit'): Opened {
  const opened = open(id);
  const { desk, key, send } = opened;
  const hmac = (text: string, encoding: 'hex' | 'base64'): string =>
    createHmac('sha256', key.secret).update(text).digest(encoding);
  if (id === 'bybit') {
    const expires = desk.now() + 10_000;
    send({ op: 'auth', args: [key.key, expires, hmac(`GET/realtime${expires}`, 'hex')] });
    send({ op: 'subscribe', args: ['order.linear', 'execution.linear'] });
  } else {
    const timestamp = String(Math.floor(desk.now() / 1_000));
    send({
      op: 'login',
      args: [{ apiKey: key.key, passphrase: key.passphrase, timestamp, sign: hmac(`${timestamp}GET/user/verify`, 'base64') }],
    });
    send({ op: 'subscribe', args: ['order', 'fill'].map((topic) => ({ instType: 'UTA', topic })) });
  }
  return opened;
}

function buy({ desk, key }: Opened, amount = '0.5'): void {
  const symbol = desk.symbol('ETHUSDT');
  desk.engine.place({
    account: key.account,
    symbol,
    side: 'buy',
    slot: 'net',
    kind: 'market',
    force: 'ioc',
    price: undefined,
    amount: new Decimal(amount),
    reduceOnly: false,
    clientId: undefined,
  });
}

describe.each(['bitget', 'bybit'] as const)('the private socket of %s', (id) => {
  it('refuses a wrong signature, closes, and gives nothing before a login', () => {
    const { desk, key, link, send } = open(id);
    if (id === 'bybit') {
      send({ op: 'subscribe', args: ['order.linear'] });
      send({ op: 'auth', args: [key.key, desk.now() + 10_000, 'a'.repeat(64)] });
      expect(link.answers).toMatchObject([
        { success: false, op: 'subscribe' },
        { success: false, op: 'auth' },
      ]);
    } else {
      send({ op: 'subscribe', args: [{ instType: 'UTA', topic: 'order' }] });
      send({ op: 'login', args: [{ apiKey: key.key, passphrase: key.passphrase, timestamp: String(desk.now()), sign: 'no' }] });
      expect(link.answers).toMatchObject([
        { event: 'error', code: 30004 },
        { event: 'error', code: 30015 },
      ]);
    }
    expect(link.isClosed).toBe(true);
    expect(desk.violations.map(({ rule }) => rule)).toEqual(['bad-signature']);
  });

  it('pushes what happens to its own account only', () => {
    const opened = loggedIn(id);
    const { desk, link } = opened;
    buy({ ...opened, key: desk.createKey(desk.open()) });
    expect(link.pushes).toEqual([]);
    buy(opened);
    // The order as it came and as it filled, and its fill.
    expect(link.pushes).toHaveLength(3);
  });

  it('loses, doubles, delays and silences pushes as a test wants, and the truth keeps all', () => {
    const opened = loggedIn(id);
    const { desk, link, server } = opened;
    const { pushes } = desk.faults;
    pushes.duplicate = 1;
    buy(opened);
    server.server.advance(1);
    expect(link.pushes).toHaveLength(6);
    Object.assign(pushes, { duplicate: 0, delay: [2_000, 2_000] });
    buy(opened);
    server.server.advance(1_999);
    expect(link.pushes).toHaveLength(6);
    server.server.advance(1);
    expect(link.pushes).toHaveLength(9);
    Object.assign(pushes, { delay: [0, 0], drop: 1 });
    buy(opened);
    Object.assign(pushes, { drop: 0, isMute: true });
    buy(opened);
    expect(link.pushes).toHaveLength(9);
    expect(desk.hub.pushes.filter(({ isLost }) => isLost)).toHaveLength(6);
    expect(desk.engine.fills).toHaveLength(4);
  });
});

describe('the gate', () => {
  it('cuts a request before it takes effect, or after', async () => {
    const server = await startAccountServer('bybit', { symbols: { linear: 3 }, strangers: false });
    const { desk, gate } = server;
    const key = desk.createKey(desk.open());
    const place = async (): Promise<unknown> => {
      const body = JSON.stringify({ category: 'linear', symbol: 'ETHUSDT', side: 'Buy', orderType: 'Market', qty: '0.5' });
      const time = String(desk.now());
      const sign = createHmac('sha256', key.secret).update(`${time}${key.key}5000${body}`).digest('hex');
      const headers = { 'X-BAPI-API-KEY': key.key, 'X-BAPI-TIMESTAMP': time, 'X-BAPI-RECV-WINDOW': '5000', 'X-BAPI-SIGN': sign };
      return (await fetch(`${server.demoRestUrl}/v5/order/create`, { method: 'POST', headers, body })).json();
    };
    gate.at(1, 'arrived', () => 'cut');
    gate.at(2, 'effective', () => 'cut');
    await expect(place()).rejects.toThrow();
    expect(desk.engine.orders.all()).toHaveLength(0);
    await expect(place()).rejects.toThrow();
    expect(desk.engine.orders.all()).toHaveLength(1);
    expect(await place()).toMatchObject({ retCode: 0 });
    expect(desk.requests.map(({ outcome }) => outcome)).toEqual(['ignored', 'effective', 'effective']);
    await server.close();
  });
});
