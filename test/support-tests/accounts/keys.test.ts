import { describe, expect, it } from 'vitest';
import { base64 } from '../../support/exchange-server/accounts/bitget/auth.js';
import { hex } from '../../support/exchange-server/accounts/bybit/auth.js';
import type { NewAccount, NewKey } from '../../support/exchange-server/accounts/desk.js';
import { type Answer, SignedClient, type Spoilt, still } from './signed-client.js';

describe('signatures', () => {
  it('are those of the documents', () => {
    const time = '1764000000000';
    expect(base64('testsecret', `${time}GET/api/v2/mix/position/all-position?marginCoin=USDT&productType=USDT-FUTURES`)).toBe(
      'fpnHBhwO79yFRKOtWC8BjStQQ9CNrbtkjC8Eg1kA8N0=',
    );
    expect(base64('testsecret', `${time}GET/api/v3/account/settings`)).toBe('yqfJrnxnyyB1kpjdJWDqp+bdlqdqThADZM1tfMQssWc=');
    expect(base64('testsecret', '1764000000GET/user/verify')).toBe('b8mH1sbcTiySCxWEIASeXvk+sB/z6fdOLmebnVE8lrA=');
    expect(hex('testsecret', `${time}testkey5000category=linear&settleCoin=USDT`)).toBe(
      'af690c920e239a8e0db7c4828590fc5c1c7a56b164c44c046b63de4eea2bc2d1',
    );
    expect(hex('testsecret', 'GET/realtime1764000010000')).toBe(
      '55332e46e12b945d63aba27c89c584f03d1d702b6a6166bd910e22d2e67e31fc',
    );
  });
});

type Case = {
  readonly account?: NewAccount;
  readonly key?: NewKey;
  readonly spoilt?: Spoilt;
  readonly offset?: number;
  readonly write?: boolean;
};

const READS = { bybit: '/v5/account/wallet-balance', bitget: '/api/v3/account/assets' } as const;
const WRITES = { bybit: '/v5/order/create', bitget: '/api/v3/trade/place-order' } as const;

function ask(id: 'bitget' | 'bybit', { account, key, spoilt = {}, offset = 0, write }: Case): Answer {
  const { desk } = still(id);
  const client = new SignedClient(desk, desk.createKey(desk.open(account), key));
  const timed = { ...spoilt, time: desk.now() + offset };
  if (write) return client.ask('POST', WRITES[id], {}, timed);
  return client.ask('GET', READS[id], id === 'bybit' ? { accountType: 'UNIFIED' } : {}, timed);
}

describe('a key', () => {
  it.each([
    ['nothing is wrong', {}, '0'],
    ['the signature differs', { spoilt: { sign: 'a'.repeat(64) } }, '10004'],
    ['it is of the live side', { account: { environment: 'live' }, spoilt: { environment: 'demo' } }, '10003'],
    ['it is of the demo side', { spoilt: { environment: 'live' } }, '10003'],
    ['it is revoked', { key: { isRevoked: true } }, '10003'],
    ['the clock is 5 s behind', { offset: -5_000 }, '0'],
    ['the clock is more than the window behind', { offset: -5_001 }, '10002'],
    ['the clock is 999 ms ahead', { offset: 999 }, '0'],
    ['the clock is 1 s ahead', { offset: 1_000 }, '10002'],
    ['it has expired', { key: { expires: 1 } }, '33004'],
    ['it is bound to another address', { key: { ips: ['10.0.0.1'] } }, '10010'],
    ['it is bound to this address', { key: { ips: ['127.0.0.1'] } }, '0'],
    ['it may only read and writes', { key: { trade: 'read' }, write: true }, '10005'],
    ['its account is classic', { account: { family: 'classic' } }, '10028'],
  ] as [string, Case, string][])('of bybit, when %s', (_, given, code) => {
    expect(ask('bybit', given).code).toBe(code);
  });

  it.each([
    ['nothing is wrong', {}, '00000'],
    ['the signature differs', { spoilt: { sign: 'a'.repeat(44) } }, '40009'],
    [
      'it is of the live side and the demo header is there',
      { account: { environment: 'live' }, spoilt: { headers: { paptrading: '1' } } },
      '40099',
    ],
    ['the clock is 30 s behind', { offset: -30_000 }, '00000'],
    ['the clock is more than 30 s behind', { offset: -30_001 }, '40008'],
    ['the clock is 40 s ahead', { offset: 40_000 }, '40008'],
    ['the passphrase is wrong', { spoilt: { passphrase: 'no' } }, '40012'],
    ['it is revoked', { key: { isRevoked: true } }, '40006'],
    ['it is bound to another address', { key: { ips: ['10.0.0.1'] } }, '40018'],
    ['it may not manage', { key: { manage: 'none' } }, '25620'],
    [
      'its account is classic, before the signature is looked at',
      { account: { family: 'classic' }, spoilt: { sign: '' } },
      '40084',
    ],
  ] as [string, Case, string][])('of bitget, when %s', (_, given, code) => {
    expect(ask('bitget', given).code).toBe(code);
  });

  it('of a unified account gets 40085 on v2', () => {
    const { desk } = still('bitget');
    const client = new SignedClient(desk, desk.createKey(desk.open()));
    expect(client.ask('GET', '/api/v2/mix/account/accounts', { productType: 'USDT-FUTURES' }).code).toBe('40085');
  });

  it('tells what it may do', () => {
    const { desk } = still('bybit');
    const client = new SignedClient(desk, desk.createKey(desk.open(), { canWithdraw: true, ips: ['127.0.0.1'] }));
    expect(client.ask('GET', '/v5/user/query-api').body).toMatchObject({
      result: { permissions: { Wallet: ['Withdraw'] }, ips: ['127.0.0.1'] },
    });
  });
});

describe('limits', () => {
  it('of bybit: headers count down, then 10006, and a new second begins', () => {
    const server = still('bybit');
    const client = new SignedClient(server.desk, server.desk.createKey(server.desk.open()));
    const read = (): Answer => client.ask('GET', '/v5/user/query-api');
    const left = Array.from({ length: 10 }, () => read().headers['X-Bapi-Limit-Status']);
    expect(left).toEqual(['9', '8', '7', '6', '5', '4', '3', '2', '1', '0']);
    const over = read();
    expect(over).toMatchObject({
      status: 200,
      code: '10006',
      headers: { 'X-Bapi-Limit-Reset-Timestamp': String(server.desk.now() + 1_000) },
    });
    server.server.advance(1_001);
    expect(read().code).toBe('0');
  });

  it('of a bybit batch: what exceeds the second fails inside', () => {
    const server = still('bybit');
    const client = new SignedClient(server.desk, server.desk.createKey(server.desk.open()));
    const order = (at: number) => ({
      symbol: 'ETHUSDT',
      side: 'Buy',
      orderType: 'Limit',
      qty: '0.1',
      price: '90',
      orderLinkId: `b-${at}`,
    });
    const answer = client.ask('POST', '/v5/order/create-batch', {
      category: 'linear',
      request: Array.from({ length: 12 }, (_, at) => order(at)),
    });
    const codes = (answer.body.retExtInfo as { list: { code: number }[] }).list.map(({ code }) => code);
    expect(codes).toEqual([...Array.from({ length: 10 }, () => 0), 10_006, 10_006]);
    expect(server.desk.engine.orders.all()).toHaveLength(10);
  });

  it('of the host: 403 at bybit for ten minutes, 429 at bitget for five', () => {
    for (const [id, status, ban] of [
      ['bybit', 403, 600_000],
      ['bitget', 429, 300_000],
    ] as const) {
      const server = still(id);
      const client = new SignedClient(server.desk, server.desk.createKey(server.desk.open()));
      server.desk.ban(ban);
      const path = READS[id];
      const fields = id === 'bybit' ? { accountType: 'UNIFIED' } : {};
      expect(client.ask('GET', path, fields).status).toBe(status);
      server.server.advance(ban - 1);
      expect(client.ask('GET', path, fields).status).toBe(status);
      server.server.advance(1);
      expect(client.ask('GET', path, fields).status).toBe(200);
      expect(server.desk.violations.map(({ rule }) => rule)).toEqual(['rest-while-banned', 'rest-while-banned']);
    }
  });

  it('ban a bybit client after 600 requests in 5 s', () => {
    const { desk } = still('bybit');
    const client = new SignedClient(desk, desk.createKey(desk.open()));
    for (let request = 0; request < 600; request++) client.send('GET', '/v5/user/query-api');
    expect(client.ask('GET', '/v5/user/query-api').status).toBe(403);
  });
});
