import { afterEach, describe, expect, it } from 'vitest';
import { parseMetricsAddress } from '../../src/lib/cli/live/metrics-endpoint.js';
import { MetricsServer } from '../../src/lib/cli/live/metrics-server.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom } from '../support/live-run.js';

let servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(id: string): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { timeScale: 50, symbols: { linear: 3 } });
  servers = [...servers, server];
  return server;
}

describe('metrics', () => {
  it('is ready when everything is subscribed, and counts what came', async () => {
    const metrics = await MetricsServer.listen({ host: '127.0.0.1', port: 0 }, '1.2.3');
    servers.push(metrics);
    const get = (path: string) => fetch(`http://127.0.0.1:${metrics.port}${path}`);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/other')).status).toBe(404);
    const server = await start('bybit');
    const run = await captureFrom([server], { taps: [metrics] });
    metrics.live = run.live;
    await run.until(() => run.live.status().isReady, 'subscribed');
    expect((await get('/readyz')).status).toBe(200);
    const [symbol] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map((each) => each.symbol)) as [string];
    const sent = server.trade('linear', symbol).length + server.trade('linear', symbol).length;
    await run.until(() => run.records.filter(({ type }) => type === 'trade').length === sent, 'trades');
    server.drop();
    await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
    await run.until(() => run.live.status().isReady, 'subscribed again');
    server.trade('linear', symbol);
    await run.until(() => run.live.status().gaps === 1, 'gap');
    const text = await (await get('/metrics')).text();
    for (const line of [
      'mdtool_build_info{version="1.2.3"} 1',
      'mdtool_ws_messages_total{exchange="bybit",channel="trade"} 3',
      'mdtool_ws_reconnects_total 1',
      'mdtool_ws_lag_seconds_count{exchange="bybit"} 3',
      'mdtool_gaps_total{channel="trade"} 1',
      'mdtool_book_gaps_total 0',
      'mdtool_ws_connections{exchange="bybit"} 1',
      'mdtool_subscriptions{exchange="bybit",state="confirmed"} 3',
      'mdtool_sink_dropped_total 0',
    ])
      expect(text).toContain(`${line}\n`);
    await run.stop();
  });

  it('answers 500 where its store cannot be read, and lives on', async () => {
    const metrics = await MetricsServer.listen({ host: '127.0.0.1', port: 0 }, '1.2.3', import.meta.filename);
    servers.push(metrics);
    const get = (path: string) => fetch(`http://127.0.0.1:${metrics.port}${path}`);
    const answer = await get('/metrics');
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining(import.meta.filename)]);
    expect((await get('/healthz')).status).toBe(200);
  });

  it.each([
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
    [':9464', { host: '127.0.0.1', port: 9464 }],
    ['9464', { host: '127.0.0.1', port: 9464 }],
    ['[::1]:80', { host: '::1', port: 80 }],
  ])('reads the address %s', (text, address) => expect(parseMetricsAddress(text)).toEqual(address));

  it.each(['', 'localhost', '1.2.3.4:', ':70000', 'a:b'])('refuses the address %j', (text) =>
    expect(() => parseMetricsAddress(text)).toThrow(/expected an address/),
  );
});
