import { describe, expect, it } from 'vitest';
import { PRIVATE as BITGET } from '../../../src/lib/exchanges/bitget/private/index.js';
import { PRIVATE as BYBIT } from '../../../src/lib/exchanges/bybit/private/index.js';
import type { OrderIntent, SigningContext, WireBytes } from '../../../src/lib/exchanges/private-side.js';
import type { HttpRequest } from '../../../src/lib/exchanges/requests.js';
import { Secret } from '../../../src/lib/secrets/secret.js';

const secret = new Secret('testsecret');
const context = (timestamp: number, mode: 'live' | 'demo' = 'live'): SigningContext => ({
  key: 'testkey',
  passphrase: 'p',
  hmac: (text, encoding) => secret.hmac(text, encoding),
  timestamp,
  mode,
});

const bytesOf = ({ method = 'GET', path, query, body = '' }: HttpRequest): WireBytes => ({
  method,
  path,
  query: new URLSearchParams(query).toString(),
  body,
});

const ORDER: OrderIntent = {
  market: 'linear',
  symbol: 'BTCUSDT',
  settle: 'USDT',
  clientId: 'mg1a-7f3k2q-3-0-1',
  side: 'buy',
  kind: 'limit',
  price: '27001',
  amount: '0.01',
  reduces: false,
  marginMode: 'isolated',
};

const [UNIFIED, CLASSIC] = BITGET.families;

describe('signatures: the vectors of the protocol pages', () => {
  it.each([
    [
      { path: '/api/v2/mix/position/all-position', query: { marginCoin: 'USDT', productType: 'USDT-FUTURES' } },
      'fpnHBhwO79yFRKOtWC8BjStQQ9CNrbtkjC8Eg1kA8N0=',
    ],
    [BITGET.probe, 'yqfJrnxnyyB1kpjdJWDqp+bdlqdqThADZM1tfMQssWc='],
    [CLASSIC?.writes.place(ORDER) as HttpRequest, 'CY9ktgN/yqPLlQJvyy22Q3SLQ4qmImVnZnKV1XnTsvY='],
  ])('bitget %o', (request, expected) => {
    const headers = BITGET.sign(bytesOf(request), context(1_764_000_000_000));
    expect(headers['ACCESS-SIGN']).toBe(expected);
    expect(headers).toMatchObject({ 'ACCESS-KEY': 'testkey', 'ACCESS-TIMESTAMP': '1764000000000', 'ACCESS-PASSPHRASE': 'p' });
  });

  it('bitget: a demo key has a header of its own, which is not signed; no broker is named', () => {
    const live = BITGET.sign(bytesOf(BITGET.probe), context(1_764_000_000_000));
    const demo = BITGET.sign(bytesOf(BITGET.probe), context(1_764_000_000_000, 'demo'));
    expect(demo).toEqual({ ...live, paptrading: '1' });
    expect(Object.keys(demo).filter((name) => /channel|refer/i.test(name))).toEqual([]);
  });

  it('bitget: the login of the socket, in seconds', () => {
    const message = JSON.parse(UNIFIED?.socket.login(context(1_764_000_000_999)) as string);
    expect(message).toEqual({
      op: 'login',
      args: [
        {
          apiKey: 'testkey',
          passphrase: 'p',
          timestamp: '1764000000',
          sign: 'b8mH1sbcTiySCxWEIASeXvk+sB/z6fdOLmebnVE8lrA=',
        },
      ],
    });
  });

  it('bybit: a GET over its query, a POST over its body', () => {
    const get = { path: '/v5/position/list', query: { category: 'linear', settleCoin: 'USDT' } };
    const signed = (request: HttpRequest) => BYBIT.sign(bytesOf(request), context(1_764_000_000_000))['X-BAPI-SIGN'];
    expect(signed(get)).toBe('af690c920e239a8e0db7c4828590fc5c1c7a56b164c44c046b63de4eea2bc2d1');
    const body =
      '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.01","price":"27001","timeInForce":"GTC","positionIdx":0,"orderLinkId":"mg1a-7f3k2q-3-0-1","reduceOnly":false}';
    expect(signed({ method: 'POST', path: '/v5/order/create', query: {}, body })).toBe(
      '3f7acc1c3a5cbe5635aeae6627f1df5165591dc671af6ee1b6aed00eeba3fcaa',
    );
    expect(BYBIT.families[0]?.writes.place(ORDER).body).toBe(body);
    expect(Object.keys(BYBIT.sign(bytesOf(get), context(1)))).not.toContain('Content-Type');
  });

  it('bybit: the login of the socket lies in the future', () => {
    const message = JSON.parse(BYBIT.families[0]?.socket.login(context(1_764_000_000_000)) as string);
    expect(message.args).toEqual([
      'testkey',
      1_764_000_010_000,
      '55332e46e12b945d63aba27c89c584f03d1d702b6a6166bd910e22d2e67e31fc',
    ]);
  });
});
