import { describe, expect, it } from 'vitest';
import { AccountClient } from '../../../src/lib/account/client.js';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
import type { PrivateSide } from '../../../src/lib/exchanges/private-side.js';
import { Secret } from '../../../src/lib/secrets/secret.js';

const TRAVEL = 40;
const REQUEST = { path: '/v5/account/info', query: {}, signed: true } as const;

/** A client of an exchange that answers in the middle of each request, by its own clock. */
function connected() {
  const clocks = { host: 1_700_000_000_000, exchange: 1_700_000_000_000 };
  const pass = (milliseconds: number) => {
    for (const name of ['host', 'exchange'] as const) clocks[name] += milliseconds;
  };
  const send = async () => {
    pass(TRAVEL / 2);
    const body = JSON.stringify({ retCode: 0, retMsg: 'OK', result: {}, time: clocks.exchange });
    pass(TRAVEL / 2);
    return { status: 200, headers: {}, body };
  };
  const exchange = exchangeOf('bybit');
  const secret = new Secret('not-a-real-key');
  const client = new AccountClient(
    {
      ...{ exchange, side: exchange.privateSide as PrivateSide, name: 'test', mode: 'demo', key: secret, secret },
      endpoints: { rest: 'https://api-demo.bybit.com', websocket: 'wss://stream-demo.bybit.com' },
    },
    { http: { send }, now: () => clocks.host },
  );
  return { client, clocks };
}

describe("the exchange's time", () => {
  it.each([-20_000, 3_000, 20_000])(
    'is right again after one answer when the clock of the host has stepped by %i ms',
    async (step) => {
      const { client, clocks } = connected();
      await client.send(REQUEST);
      clocks.host += step;
      await client.send(REQUEST);
      expect(Math.abs(client.now() - clocks.exchange)).toBeLessThanOrEqual(TRAVEL);
    },
  );

  it('is not moved by an answer that fits it', async () => {
    const { client } = connected();
    for (let times = 0; times < 3; times++) await client.send(REQUEST);
    expect(client.offset).toBe(0);
  });
});
