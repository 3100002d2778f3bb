import { afterAll, describe, expect, it } from 'vitest';
import { AccountClient } from '../../../src/lib/account/client.js';
import { openAccount } from '../../../src/lib/account/inspect.js';
import { LiveAccount } from '../../../src/lib/account/live.js';
import { ACCOUNT_PARTS } from '../../../src/lib/account/snapshot.js';
import { EXCHANGES } from '../../../src/lib/exchanges/index.js';
import type { PrivateSide } from '../../../src/lib/exchanges/private-side.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { Secret } from '../../../src/lib/secrets/secret.js';
import { createHttpClient } from '../../../src/lib/transport/http.js';
import { type AccountServer, startAccountServer } from '../../support/exchange-server/accounts/server.js';
import { SignedClient } from '../../support-tests/accounts/signed-client.js';

const open: AccountServer[] = [];
afterAll(async () => {
  for (const server of open) await server.close();
});

const KINDS = [
  ['bitget', 'unified'],
  ['bitget', 'classic'],
  ['bybit', 'unified'],
] as const;

describe('a live account', () => {
  it.each(KINDS)(
    '%s %s: shows the truth although pushes are lost, repeated and late',
    async (id, family) => {
      const server = await startAccountServer(id, { symbols: { linear: 2 }, strangers: false, accounts: { seed: 7 } });
      open.push(server);
      server.market.setPrice('ETHUSDT', '100.00');
      const owner = server.desk.open({ family });
      const key = server.desk.createKey(owner);
      const exchange = EXCHANGES.find((one) => one.id === id) as (typeof EXCHANGES)[number];
      const stop = new AbortController();
      const http = await createHttpClient({ userAgent: 'test', signal: stop.signal });
      const endpoints = { rest: id === 'bitget' ? server.server.restUrl : server.demoRestUrl, websocket: server.demoWsUrl };
      const secrets = { key: new Secret(key.key), secret: new Secret(key.secret), passphrase: new Secret(key.passphrase) };
      const side = exchange.privateSide as PrivateSide;
      const client = new AccountClient(
        { exchange, side, name: 'default', mode: 'demo', ...secrets, endpoints },
        { http, signal: stop.signal },
      );
      const facts = await openAccount(client, () => {});
      const rejected: string[] = [];
      const live = new LiveAccount({
        client,
        facts,
        owner: { exchange: id, account: 'default', mode: 'demo' },
        parts: ACCOUNT_PARTS,
        since: Date.now() * 1_000 - 60_000_000,
        checkEvery: 1_000,
        userAgent: 'test',
        signal: stop.signal,
        onRejected: (reason) => void rejected.push(reason),
      });
      const records: AnyRecord[] = [];
      const reading = (async () => {
        for await (const batch of live.updates()) records.push(...batch);
      })();
      await expect.poll(() => live.isLive, { timeout: 8_000 }).toBe(true);
      Object.assign(server.desk.faults.pushes, { drop: 0.3, duplicate: 0.3, reorder: 0.3 });
      const trader = new SignedClient(server.desk, key);
      for (const [index, price] of ['99', '98', '97', '96'].entries()) {
        const intent = {
          market: 'linear',
          symbol: 'ETHUSDT',
          settle: 'USDT',
          side: 'buy',
          kind: 'limit',
          amount: '1',
          reduces: false,
        } as const;
        const { path, body } = facts.family.writes.place({ ...intent, clientId: `o${index}`, price, marginMode: 'isolated' });
        trader.ask('POST', path, JSON.parse(body as string));
      }
      server.market.setPrice('ETHUSDT', '97.50');
      const { engine } = server.desk;
      const truth = () => ({
        open: engine.orders
          .openOf(owner)
          .map(({ clientId }) => clientId)
          .sort(),
        amount: engine.ledger.positionsAt(owner, engine.now()).map(({ amount }) => Number(amount)),
      });
      const shown = () => ({
        open: live.state.orders.map(({ clientId }) => clientId).sort(),
        amount: live.state.positions.map(({ amount }) => Number(amount)),
      });
      await expect
        .poll(() => [shown(), records.filter(({ type }) => type === 'fill').length], { timeout: 9_000 })
        .toEqual([truth(), 2]);
      expect(truth()).toEqual({ open: ['o2', 'o3'], amount: [2] });
      stop.abort();
      await reading;
      await http.close();
      expect(rejected).toEqual([]);
      const arrivals = records.map((record) => record.localTimestamp as number);
      expect(arrivals.every((time, index) => index === 0 || time > (arrivals[index - 1] as number))).toBe(true);
      expect(server.desk.requests.filter(({ writes }) => writes)).toHaveLength(4);
    },
    30_000,
  );
});
