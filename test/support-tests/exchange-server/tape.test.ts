import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ExchangeServer, startExchangeServer } from '../../support/exchange-server/index.js';
import { expectObedient } from '../../support/exchange-server/obedient.js';
import { fixture, tapeFrames } from '../../support/frames.js';
import { bitget, bybit, get, until, WireClient } from './wire-client.js';

const ROOT = join(import.meta.dirname, '../../..');
const servers: ExchangeServer[] = [];

async function play(id: string, name: string): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { tape: { path: fixture(name), speed: 100, delay: 100 } });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** The recorded frames of one topic on one path, in order. */
function recorded(name: string, path: string, topic: string): string[] {
  const frames = tapeFrames(name).filter(({ url }) => url.endsWith(path));
  return frames.filter(({ text }) => text.includes(topic) && text.includes('"data"')).map(({ text }) => text);
}

describe('a tape played back', () => {
  it('bybit: each topic gets its recorded frames, byte for byte, in order, also who comes late', async () => {
    const tape = 'bybit-v5.tape.ndjson.gz';
    const server = await play('bybit', tape);
    const path = '/v5/public/linear';
    const client = await WireClient.connect(server, path);
    await client.ask(bybit('subscribe', 'a', 'publicTrade.BTCUSDT', 'orderbook.200.ETHUSDT'));
    const books = recorded(tape, path, '"orderbook.200.ETHUSDT"');
    await client.until(({ texts }) => texts.filter((text) => text.includes('orderbook')).length === books.length);
    const sent = client.texts.slice(1);
    expect(sent.filter((text) => text.includes('"orderbook'))).toEqual(books);
    expect(sent.filter((text) => text.includes('"publicTrade'))).toEqual(recorded(tape, path, '"publicTrade.BTCUSDT"'));
    const late = await WireClient.connect(server, path);
    await late.ask(bybit('subscribe', 'a', 'orderbook.200.ETHUSDT'), 1 + books.length);
    expect(late.texts.slice(1)).toEqual(books);
    expectObedient(server);
  });

  it('bitget: what was not recorded is refused; the list names the recorded symbols', async () => {
    const server = await play('bitget', 'bitget-v2.tape.ndjson.gz');
    const client = await WireClient.connect(server, '/v2/ws/public');
    const answers = await client.ask(bitget('subscribe', ['SPOT', 'trade', 'EOSUSDT'], ['SPOT', 'books15', 'EOSUSDT']), 2);
    expect(answers).toMatchObject([{ event: 'subscribe' }, { event: 'error', code: 30001 }]);
    const { body } = await get(server, '/api/v2/spot/public/symbols');
    expect(body.data.map(({ symbol }) => symbol).sort()).toEqual(['AVAXUSDT', 'EOSUSDT', 'HOTUSDT', 'SUNUSDT']);
    expect((await get(server, '/api/v2/mix/market/contracts?productType=USDT-FUTURES')).body.data).toMatchObject([
      { symbol: 'UNIUSDT' },
    ]);
    await client.until((it) => it.data().length > 3);
  });

  it('bybit: recorded instrument lists are given as they are', async () => {
    const server = await play('bybit', 'bybit-v5.tape.ndjson.gz');
    const { body } = await get(server, '/v5/market/instruments-info?category=linear&limit=1000');
    expect(body.result.list.map(({ symbol }) => symbol)).toEqual(expect.arrayContaining(['0GUSDT', 'BTCUSDT']));
  });

  it('is of the right exchange', async () => {
    await expect(play('bybit', 'bitget-v2.tape.ndjson.gz')).rejects.toThrow('expected a tape of bybit, was one of bitget');
  });
});

describe('the script', () => {
  it('prints the endpoints, plays, and names the broken rules at Ctrl-C', async () => {
    const script = join(ROOT, 'test/support/exchange-server/main.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', script, 'bitget', '--symbols', '3', '--history', '100'], {
      cwd: ROOT,
    });
    let out = '';
    let errors = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      errors += data;
    });
    const deadline = Date.now() + 45_000;
    while (!errors.includes('Ctrl-C') && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    const [, ws] = /^export MDTOOL_BITGET_WS_URL=(ws:\/\/127\.0\.0\.1:\d+)$/m.exec(out) ?? [];
    const [, rest] = /^export MDTOOL_BITGET_REST_URL=(http:\/\/127\.0\.0\.1:\d+)$/m.exec(out) ?? [];
    const client = await WireClient.connect({ wsUrl: ws } as ExchangeServer, '/v2/ws/public');
    await client.ask(bitget('subscribe', ['USDT-FUTURES', 'trade', 'BTCUSDT']), 2);
    await until(() => client.data().some(({ action }) => action === 'update'));
    await fetch(`${rest}/api/v2/mix/market/contracts`);
    child.kill('SIGINT');
    await once(child, 'exit');
    expect(child.exitCode).toBe(0);
    expect(errors).toContain('violated bad-request');
  });
});
