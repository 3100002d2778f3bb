import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { finished, mdtool, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

/** Bitget's pauses are for an exchange that bans; this one is local and its time runs 50 times as fast. */
const FAST = {
  MDTOOL_BITGET_CONNECT_PAUSE: '50ms',
  MDTOOL_BITGET_CONNECT_JITTER: '0',
  MDTOOL_BITGET_SUBSCRIBE_DELAY: '0',
  MDTOOL_BITGET_SUBSCRIBE_DELAY_JITTER: '0',
  MDTOOL_BITGET_MESSAGE_PAUSE: '10ms',
  MDTOOL_BITGET_HEARTBEAT_EVERY: '500ms',
  MDTOOL_BITGET_RECONNECT_FIRST: '100ms',
};

const directory = mkdtempSync(join(tmpdir(), 'live-'));
const store = (name: string) => join(directory, name);
let server: ExchangeServer;
let env: Record<string, string>;

beforeAll(async () => {
  server = await startExchangeServer('bitget', { symbols: { linear: 60, spot: 3 }, rate: 400, timeScale: 50, keepBooks: false });
  env = { ...FAST, ...server.environment };
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const live = (...args: string[]) => ['stream', '--exchange', 'bitget', '--market', 'linear', ...args];

describe('stream from an exchange', () => {
  it('captures every USDT perpetual into the store until it is told to stop', async () => {
    const child = start(live('--store', store('a')), { env });
    const result = finished(child);
    await expect.poll(() => server.subscriptions, { timeout: 45_000 }).toBe(60);
    const before = server.tradeCount();
    await expect.poll(() => server.tradeCount() - before, { timeout: 45_000 }).toBeGreaterThan(1_000);
    // As after nohup: the terminal that it was started from closes.
    child.kill('SIGHUP');
    const then = server.tradeCount();
    await expect.poll(() => server.tradeCount() - then, { timeout: 45_000 }).toBeGreaterThan(50);
    child.kill('SIGTERM');
    const { stderr, code, stdout } = await result;
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr.match(/SIGHUP ignored: there is no terminal/g)).toHaveLength(1);
    expect(stderr).toMatch(/stream: [\d,]+ trades.* stored in .* in [\d.]+ s \(60 symbols; /);
    const query = [
      'query',
      'select count(distinct symbol)::int as symbols, count(*)::int as trades from trade',
      '--store',
      store('a'),
    ];
    const { symbols, trades } = JSON.parse((await mdtoolHere(query)).stdout);
    expect(symbols).toBeGreaterThan(50);
    expect(trades).toBe(Number(/([\d,]+) trade/.exec(stderr)?.[1]?.replaceAll(',', '')));
  });

  it('polls alone, and refuses a poll of what is not there', async () => {
    const polls = ['--channels', 'none', '--poll', 'funding,mark_price', '--poll-every', '1s', '--symbols', 'BTCUSDT'];
    const { stdout, stderr, code } = await mdtoolHere(live(...polls, '--count', '4', '-o', '-', '--log-level', 'error'), { env });
    const types = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).type as string);
    expect([code, types.filter((type) => type !== 'clock').sort()]).toEqual([
      0,
      ['funding', 'funding', 'mark_price', 'mark_price'],
    ]);
    expect(stderr).toContain('4 polls answered');
    for (const [wrong, message] of [
      [['--poll', 'trade'], /expected some of mark_price, open_interest, funding, was "trade"/],
      [['--poll', 'funding', '--poll-every', '10ms'], /--poll-every: expected at least 1s, was 10ms/],
      [['--poll-every', '5s'], /--poll/],
      [['--channels', 'none'], /--channels none needs --poll/],
      [['--redis-mode', 'stream'], /--redis-mode needs a Redis output; add -o redis:/],
      [['--refresh', '30d'], /--refresh: expected at most 24d, was 30d/],
      [['--stats', '0s'], /--stats: expected at least 100ms, was 0s/],
      [['--duration', '0s'], /--duration: expected at least 1ms, was 0s/],
    ] as const)
      expect(await mdtoolHere(live(...wrong), { env })).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });

  it('refuses a shard without a symbol, and names it', async () => {
    const { code, stderr } = await mdtoolHere(live('--symbols', 'BTCUSDT', '--shard', '2/2', '--store', store('none')), { env });
    expect([code, stderr]).toEqual([2, expect.stringContaining('belongs to shard 2/2: choose fewer shards')]);
  });

  it('waits in a leased shard without a symbol, and ends with 0', async () => {
    const leased = { ...env, _MDTOOL_LEASED: '1' };
    const waiting = start(live('--symbols', 'BTCUSDT', '--shard', '2/2', '--store', store('waiting')), { env: leased });
    const end = finished(waiting);
    let text = '';
    waiting.stderr?.on('data', (more) => {
      text += more;
    });
    await expect.poll(() => text, { timeout: 20_000, interval: 20 }).toContain('no symbol belongs to shard 2/2 yet');
    waiting.kill('SIGTERM');
    expect(await end).toMatchObject({ code: 0 });
  }, 30_000);

  it('refuses a second capture of the same into one store, and runs beside one of other symbols or channels', async () => {
    const into = (...args: string[]) => live('--store', store('shared'), '--count', '1', ...args);
    const first = start(live('--store', store('shared'), '--symbols', 'BTCUSDT,ETHUSDT'), { env });
    const end = finished(first);
    await once(first.stderr as NodeJS.ReadableStream, 'data');
    const [refused, ...others] = await Promise.all([
      mdtoolHere(into('--symbols', 'SOLUSDT,ETHUSDT'), { env }),
      mdtoolHere(into('--symbols', 'XRPUSDT'), { env }),
      mdtool(into('--symbols', 'ETHUSDT', '--channels', 'ticker'), { env }),
    ]);
    first.kill('SIGINT');
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^mdtool: bitget linear trade ETHUSDT is already being captured by "stream" \(pid \d+ on /m),
    });
    expect(others.map(({ code }) => code)).toEqual([0, 0]);
    expect((await end).code).toBe(0);
  }, 120_000);

  it('says before a large capture of books what it will take', async () => {
    const { stderr } = await mdtoolHere(live('--channels', 'book', '-o', 'none', '--count', '1'), { env });
    expect(stderr).toMatch(/^60 books: up to [\d.]+ MB a day in the store/m);
  });

  it('counts the duration from the first confirmation, however long connecting takes', async () => {
    const slow = { ...env, MDTOOL_BITGET_SUBSCRIBE_DELAY: '500ms' };
    const args = live('--symbols', 'BTCUSDT', '--duration', '20ms', '-o', 'none', '--json', '--log-level', 'error');
    const { stdout, code } = await mdtoolHere(args, { env: slow });
    expect([code, JSON.parse(stdout).subscriptions_confirmed]).toEqual([0, 1]);
  });

  it('stops after so many records', async () => {
    const { stdout, code } = await mdtool(live('--count', '20', '-o', '-', '--quiet', '--log-level', 'error'), { env });
    expect(code).toBe(0);
    expect(stdout.split('\n').filter((line) => line.includes('"type":"trade"'))).toHaveLength(20);
  });

  it('ends quietly when its only reader leaves', async () => {
    const child = start(live('-o', '-', '--log-level', 'error'), { env });
    const result = finished(child);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.stdout?.destroy();
    const { code } = await result;
    expect(code).toBe(0);
  });

  it.each([
    [3, ['--repair-max', '0']],
    [0, ['--repair-max', '0', '--allow-gaps']],
    [0, []],
  ])('ends with %i when a connection was lost on the way and %j was given', async (expected, flags) => {
    const child = start(live('--store', store(`b${flags.length}`), '--symbols', 'BTCUSDT', ...flags), { env });
    const result = finished(child);
    const subscriber = () => server.subscribers('linear', 'BTCUSDT')[0]?.id;
    const wait = async (check: () => boolean) => {
      while (!check()) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await wait(() => subscriber() !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const first = subscriber();
    server.drop();
    await wait(() => subscriber() !== undefined && subscriber() !== first);
    server.trade('linear', 'BTCUSDT');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    child.kill('SIGTERM');
    const { code, stderr } = await result;
    expect(stderr).toContain('bitget: connection lost: closed with code 1006');
    expect(code).toBe(expected);
    expect(stderr.includes('mdtool: 1 gap in the data could not be repaired')).toBe(expected === 3);
    expect(stderr).toMatch(flags.length === 0 ? /1 gap repaired/ : /1 unrepaired gap/);
  });

  it('ends with 5 when nothing connects in time', async () => {
    const none = { ...env, MDTOOL_BITGET_WS_URL: 'ws://127.0.0.1:9', MDTOOL_UNREACHABLE_AFTER: '3s' };
    const { code, stderr } = await mdtool(live('--store', store('c')), { env: none });
    expect(code).toBe(5);
    expect(stderr).toContain('nothing connected within 3 s of the start: bitget: 127.0.0.1:9 refused the connection');
  });

  it('stopped while it waits for the first list, says so and blames no filter; a leased shard is given back', async () => {
    server.faults.http({ kind: 'hang' }, { path: /contracts/ });
    server.faults.http({ kind: 'hang' }, { path: /contracts/ });
    const before = server.requests;
    const children = [env, { ...env, _MDTOOL_LEASED: '1' }].map((environment, index) =>
      start(live('--shard', '1/1', '--store', store(`d${index}`)), { env: environment }),
    );
    const results = children.map(finished);
    while (server.requests < before + 2) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const child of children) child.kill('SIGTERM');
    const [alone, leased] = await Promise.all(results);
    expect(alone).toMatchObject({ code: 5, stderr: expect.stringContaining('stopped before an exchange answered') });
    expect(alone?.stderr).not.toContain('filters');
    expect(leased).toMatchObject({ code: 0, stderr: expect.not.stringContaining('stopped before') });
  });

  it.each([
    [5, 'the run ended before anything was connected', {}],
    // Its next holder captures it.
    [0, 'no records', { _MDTOOL_LEASED: '1' }],
  ])(
    'ends with %i (%s) when it is stopped before it has connected, with %j',
    async (expected, text, leased) => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const child = start(live('--shard', '1/1', '--store', store(`e${expected}`)), {
        env: { ...env, ...leased, MDTOOL_BITGET_WS_URL: url },
      });
      const result = finished(child);
      await once(silent, 'connection');
      child.kill('SIGTERM');
      expect(await result).toMatchObject({ code: expected, stderr: expect.stringContaining(text) });
      silent.close();
    },
    30_000,
  );

  it.each([
    [['stream', '--exchange', 'bitget'], 'missing --market'],
    [live('--channels', 'liquidation'), 'use --api v3'],
    [['stream', '--exchange', 'bybit', '--market', 'spot', '--channels', 'liquidation'], 'bybit spot has no liquidations'],
    [live('--channels', 'candle'), 'needs --interval'],
    [live('--channels', 'candle', '--interval', '7m'), 'was "7m"'],
    [live('--interval', '1m'), '--interval needs --channels candle'],
    [live('--api', 'v1'), 'expected v2 or v3 on bitget'],
    [live('--testnet'), 'bitget has none; it has --demo'],
    [live('--shard', '3/2'), 'expected a shard like 2/5'],
    [live('--until', '2020-01-01'), '--until must be in the future'],
    [live('--speed', '2'), 'is for replays'],
    [live('--tape-rotate', 'day'), 'tape'],
    [live('--metrics', 'here'), 'expected an address'],
    [['stream', '--replay', 'fixtures/bybit-v5.tape.ndjson.gz', '--duration', '1s'], 'is for live captures'],
    [['stream', '--replay', 'fixtures/bybit-v5.tape.ndjson.gz', '-o', 'redis://'], 'add --redis-payload record'],
  ])('refuses %j with 2 and one line', async (args, message) => {
    const { stdout, stderr, code } = await mdtoolHere(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('breaks no rule of the exchange', () => expect(server.violations).toEqual([]));
});
