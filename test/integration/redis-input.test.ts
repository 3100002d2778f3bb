import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseStreamInput, readStream, type StreamEntry } from '../../src/lib/redis/stream-source.js';
import { isInstalled } from '../support/installed.js';
import { finished, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { RedisServer } from '../support/redis-server.js';

const hasRedis = isInstalled('redis-server', 'tests of Redis as input');
const TAPE = 'fixtures/bybit-v5.tape.ndjson.gz';
const KEY = 'stream:bybit_trades';

/** Returns the data frames of the linear connections of a tape, and the channel on which the older collector published each. */
function framesOf(tape: string): { readonly kind: string; readonly frame: string }[] {
  const lines = gunzipSync(readFileSync(tape))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  const entries = lines.map((line) => JSON.parse(line) as { connection?: number; connect?: string; frame?: string });
  const linear = new Set(entries.filter(({ connect }) => connect?.endsWith('/linear')).map(({ connection }) => connection));
  const kinds: Readonly<Record<string, string>> = { publicTrade: 'trades', orderbook: 'orderbook', tickers: 'ticker' };
  return entries.flatMap(({ connection, frame = '' }) => {
    const [, topic = ''] = /^\{"topic":"(\w+)\./.exec(frame) ?? [];
    const kind = linear.has(connection) ? kinds[topic] : undefined;
    return kind === undefined ? [] : [{ kind, frame }];
  });
}

describe.skipIf(!hasRedis)('a Redis stream as INPUT', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mdtool-redis-input-'));
  let redis: RedisServer;
  let client: ReturnType<typeof createClient>;
  beforeAll(async () => {
    redis = await RedisServer.start();
    client = createClient({ url: redis.url });
    client.on('error', () => {});
    await client.connect();
  });
  afterAll(async () => {
    client.destroy();
    await redis.close();
    rmSync(directory, { recursive: true, force: true });
  });
  afterEach(() => client.flushAll());

  const input = (more = '') => `${redis.url}/${KEY}?group=g&idle=1s${more}`;
  const fill = async (from: number, until: number) => {
    for (let index = from; index < until; index++) await client.xAdd(KEY, '*', { data: `${index}` });
  };
  const pending = async () => (await client.xPending(KEY, 'g')).pending;

  /** Reads batches until `most` of them; the last one is left as a killed consumer leaves it. */
  async function read(most: number, more = '', onLost = (_: number) => {}): Promise<string[]> {
    const entries: (string | undefined)[] = [];
    let batches = 0;
    const options = { onTrouble: () => {}, onLost };
    for await (const batch of readStream(parseStreamInput(input(more), {}), options)) {
      entries.push(...batch.map(({ data }: StreamEntry) => data));
      batches++;
      if (batches === most) break;
    }
    return entries as string[];
  }

  it('acknowledges a batch when its reader comes back', async () => {
    await fill(0, 30);
    expect(await read(2, '&batch=10')).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`));
    expect(await pending()).toBe(10);
  });

  it('begins with what a consumer of the same name has left, in order', async () => {
    await fill(0, 30);
    await read(2, '&batch=10&consumer=a');
    expect(await read(2, '&batch=10&consumer=a')).toEqual(Array.from({ length: 20 }, (_, index) => `${index + 10}`));
  });

  it('takes over what a dead consumer has left, after its idle time', async () => {
    await fill(0, 5);
    await read(1, '&consumer=dead');
    const begun = performance.now();
    expect(await read(1, '&consumer=alive')).toEqual(['0', '1', '2', '3', '4']);
    expect(performance.now() - begun).toBeGreaterThan(500);
  });

  it('counts what Redis dropped before it was read', async () => {
    await fill(0, 5);
    await read(1);
    await fill(5, 20);
    await client.xTrim(KEY, 'MAXLEN', 8);
    let lost = 0;
    await read(1, '&consumer=b', (entries) => {
      lost += entries;
    });
    expect(lost).toBe(7);
  });

  it('tells a step that remembers that it goes on after another run', async () => {
    await fill(0, 5);
    const joined: string[] = [];
    for (const run of ['first', 'second']) {
      const options = { onTrouble: () => {}, onLost: () => {}, onResumed: () => void joined.push(run) };
      for await (const _ of readStream(parseStreamInput(input('&batch=2&idle=1ms'), {}), options)) break;
    }
    expect(joined).toEqual(['second']);
  });

  it('makes signals say that what an earlier run of the group remembered is gone', async () => {
    const clock = { type: 'clock', exchange: 'bybit', market: 'linear', timestamp: 1_795_132_800_000_000 };
    for (let index = 0; index < 5; index++) await client.xAdd(KEY, '*', { data: JSON.stringify(clock) });
    await read(2, '&batch=2');
    const signals = start(['signals', input('&batch=2&idle=1ms'), '-o', '-']);
    const end = finished(signals);
    let text = '';
    signals.stderr?.on('data', (more) => {
      text += more;
    });
    const notice = /the group goes on after an earlier run; what that run remembered, as an open candle or a cooldown, is gone/;
    await expect.poll(() => text, { timeout: 20_000, interval: 20 }).toMatch(notice);
    signals.kill('SIGINT');
    expect((await end).code).toBe(0);
  }, 30_000);

  it('acknowledges and ends when it is stopped', async () => {
    await fill(0, 5);
    const stop = new AbortController();
    for await (const _ of readStream(parseStreamInput(input(), {}), {
      stopped: stop.signal,
      onTrouble: () => {},
      onLost: () => {},
    }))
      stop.abort();
    expect(await pending()).toBe(0);
    expect(await client.xInfoConsumers(KEY, 'g')).toEqual([]);
  });

  it.each([
    'redis://h/stream:x',
    'redis://h/?group=g',
    'redis://h/stream:x?group=g&colour=red',
    'redis://h/stream:x?group=g&batch=0',
    'redis://me:secret@h/stream:x',
  ])('refuses %s', (text) => {
    expect(() => parseStreamInput(text, {})).toThrow(/expected redis:\/\/host:port\/KEY\?group=NAME/);
    expect(() => parseStreamInput(text, {})).not.toThrow(/secret/);
  });

  it('carries a tape through Redis into a second store, with consumers killed on the way', async () => {
    const [one, two] = [join(directory, 'one'), join(directory, 'two')];
    const replay = ['stream', '--replay', TAPE, '--market', 'linear', '--quiet', '--store'];
    await mdtoolHere([...replay, one, '-o', 'store', '-o', redis.url, '--redis-mode', 'stream', '--redis-payload', 'record']);
    const length = await client.xLen(KEY);
    expect(length).toBeGreaterThan(70);
    const consume = () => start(['import', input('&batch=1'), '-o', 'store', '--store', two]);
    for (const share of [0.2, 0.6]) {
      const killed = consume();
      const ended = finished(killed);
      await untilRead(Math.floor(length * share));
      killed.kill('SIGKILL');
      await ended;
    }
    const last = consume();
    const ended = finished(last);
    await untilRead(length);
    await expect.poll(pending, { timeout: 15_000 }).toBe(0);
    last.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0 });
    const rows = async (store: string) =>
      (await mdtoolHere(['query', 'SELECT * FROM trade ORDER BY ALL', '--store', store, '--format', 'ndjson', '--quiet'])).stdout;
    expect(await rows(two)).toBe(await rows(one));
    expect((await rows(one)).split('\n').length).toBe(length + 1);
  }, 60_000);

  it('reads what the older collector publishes: frames of an exchange, with books', async () => {
    const replay = (path: string, ...more: string[]) => [
      'stream',
      '--replay',
      path,
      '--channels',
      'trade,ticker,book',
      '--quiet',
      '--format',
      'ndjson',
      '-o',
      '-',
      ...more,
    ];
    const frames = framesOf(TAPE);
    const reader = start(replay(`${redis.url}/stream:bybit_*?market=linear`));
    const ended = finished(reader);
    const isListening = async () => (await client.pubSubNumPat()) > 0;
    await expect.poll(isListening, { timeout: 20_000 }).toBe(true);
    for (const { kind, frame } of frames) await client.publish(`stream:bybit_${kind}`, frame);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    reader.kill('SIGINT');
    const { stdout, code } = await ended;
    expect(code).toBe(0);
    const ids = (text: string) => text.match(/"id":"[^"]+"/g) ?? [];
    const published = frames.flatMap(({ frame }) => [...frame.matchAll(/"i":"([^"]+)"/g)].map(([, id]) => `"id":"${id}"`));
    expect(ids(stdout).sort()).toEqual([...new Set(published)].sort());
    expect(published.length).toBe(79);
    for (const type of ['ticker', 'book_snapshot']) expect(stdout).toContain(`"type":"${type}"`);
  }, 60_000);

  async function untilRead(entries: number): Promise<void> {
    const read = async () => {
      const groups = (await client.xInfoGroups(KEY)) as unknown as Record<string, unknown>[];
      return Number(groups.find(({ name }) => name === 'g')?.['entries-read'] ?? 0);
    };
    const end = performance.now() + 20_000;
    while ((await read()) < entries && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 2));
  }
});
