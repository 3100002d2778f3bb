/**
 * From the socket to stored records: `stream` as users start it, against a client that only counts frames, against the
 * route without a scanner (JSON.parse, a record per row, the same store), and against a naive one (JSON.parse, JSON.stringify,
 * a file). Every frame holds one trade, or a delta of three levels on each side of a book of 50; all are different.
 *
 *   node --import tsx test/bench/live.bench.ts [--channel trade|book_delta] [--seconds 20] [--rate FRAMES_PER_SECOND] [--shape single|burst]
 *
 * Measured in November 2026 on 2 shared processors, 200 symbols, 20,000 frames/s, µs of the main thread per frame. On an idle
 * machine, before lines were written as bytes and feeds found without keys: receive 2.3, parse 8.4, stream 14.3 (16 % of
 * receiving, 0.59 × parse); after: receive 2.3, parse 8.5, stream 12.8 (18 %, 0.66 ×). Beside a load of 16 to 19, where frames
 * come in bunches: receive 2.1, parse 5.8, stream 7.5 (28 %, 0.77 ×; of the whole process 9.0 against 10.7, 1.19 ×). The parse
 * route writes with the same store writer; it knows no duplicates, holes, clocks, subscriptions or lags. What is left of the
 * stream is memory: with 5 symbols instead of 200 the capture takes less than half the time.
 *
 * What counts is processor time per frame, of the process with all its threads and of its main thread, since that one
 * limits how much can be received; other work on the machine disturbs all alike. `npm run build` first.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startExchangeServer } from '../support/exchange-server/index.js';
import { mdtool, ROOT } from '../support/mdtool.js';
import { type Feed, startFeed } from './live/feed.js';

const { values } = parseArgs({
  options: {
    channel: { type: 'string', default: 'trade' },
    seconds: { type: 'string', default: '20' },
    rate: { type: 'string', default: '20000' },
    shape: { type: 'string', default: 'single' },
    profile: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const channel = values.channel === 'book_delta' ? 'book_delta' : 'trade';
const topicOf = (symbol: string) => (channel === 'trade' ? `publicTrade.${symbol}` : `orderbook.50.${symbol}`);
const shape = values.shape === 'burst' ? 'burst' : 'single';
const SYMBOLS = 200;
const TICKS_PER_SECOND = 100;

const folder = mkdtempSync(join(tmpdir(), 'mdtool-bench-'));
const lists = await startExchangeServer('bybit', { symbols: { linear: SYMBOLS }, strangers: false, rate: 0 });
const answer = await fetch(`${lists.restUrl}/v5/market/instruments-info?category=linear&limit=1000`);
const symbols = ((await answer.json()) as { result: { list: { symbol: string }[] } }).result.list.map(({ symbol }) => symbol);

type Measured = { readonly frames: number; readonly total: number; readonly main: number; readonly memory: number };

/** Returns the processor seconds of a process and of its children, which seal and merge, and those of its main thread. */
function timesOf(pid: number): { total: number; main: number } {
  const of = (path: string, fields: number) => {
    const ticks = readFileSync(path, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
      .slice(11, 11 + fields)
      .map(Number);
    return ticks.reduce((sum, count) => sum + count, 0) / TICKS_PER_SECOND;
  };
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  const ofChildren = children.reduce((sum, child) => sum + of(`/proc/${child}/stat`, 4), 0);
  return { total: of(`/proc/${pid}/stat`, 4) + ofChildren, main: of(`/proc/${pid}/task/${pid}/stat`, 2) };
}

const memoryOf = (pid: number) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/** Lets a client take the feed for some seconds, and returns what that cost it. */
async function measure(start: (feed: Feed) => ChildProcess, isReady: (feed: Feed) => Promise<void>): Promise<Measured> {
  const feed = await startFeed({ symbols, rate, shape });
  const child = start(feed);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await isReady(feed);
  feed.start();
  // The first seconds are the compiler's.
  await sleep(3_000);
  const pid = child.pid as number;
  const before = { ...timesOf(pid), sent: feed.sent };
  await sleep(seconds * 1_000);
  const after = { ...timesOf(pid), sent: feed.sent };
  feed.stop();
  // On a busy machine a client is behind.
  for (let known = -1; timesOf(pid).main - known > 0.05; await sleep(1_000)) known = timesOf(pid).main;
  const memory = memoryOf(pid);
  child.kill('SIGINT');
  await once(child, 'close');
  await feed.close();
  const { frames, records, dropped_records: dropped = 0, ...rest } = JSON.parse(output) as Record<string, unknown>;
  if (values.profile) console.log(JSON.stringify({ frames, records, dropped, ...rest }));
  const delivered = Number((records as Record<string, number> | undefined)?.[channel] ?? frames);
  // A machine that is too busy for the rate: the run reports what it dropped.
  if (dropped !== 0) console.log(`${dropped} records were dropped`);
  assert.equal(delivered + Number(dropped), feed.sent, `${delivered} of ${feed.sent} frames became records`);
  const count = after.sent - before.sent;
  return {
    frames: count / seconds,
    total: ((after.total - before.total) / count) * 1e6,
    main: ((after.main - before.main) / count) * 1e6,
    memory,
  };
}

const subscribed = async () => sleep(2_500);
const client = (kind: string) => (feed: Feed) =>
  spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      join(import.meta.dirname, 'live/clients.ts'),
      kind,
      feed.url,
      join(folder, kind),
      symbols.map(topicOf).join(','),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
const product = (feed: Feed) =>
  spawn(
    process.execPath,
    [
      ...(values.profile ? ['--cpu-prof', '--cpu-prof-dir', join(tmpdir(), 'mdtool-profile')] : []),
      join(ROOT, 'bin/run.js'),
      ...[
        'stream',
        '--exchange',
        'bybit',
        '--market',
        'linear',
        '--channels',
        channel,
        '--store',
        join(folder, 'stream'),
        '--json',
        '--log-level',
        'warn',
      ],
    ],
    {
      env: { ...process.env, ...lists.environment, MDTOOL_BYBIT_WS_URL: feed.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );

try {
  const receive = values.profile ? undefined : await measure(client('receive'), subscribed);
  const parse = values.profile ? undefined : await measure(client('parse'), subscribed);
  const naive = values.profile ? undefined : await measure(client('naive'), subscribed);
  const stream = await measure(product, subscribed);
  const show = (name: string, { frames, total, main, memory }: Measured) =>
    console.log(
      `${name.padEnd(10)} ${Math.round(frames)} frames/s, processor time per frame: ${total.toFixed(2)} µs in all, ${main.toFixed(2)} µs main thread; most memory ${Math.round(memory)} MB`,
    );
  if (receive) show('receive', receive);
  if (parse) show('parse', parse);
  if (naive) show('naive', naive);
  show('stream', stream);
  if (receive && parse) {
    console.log(
      `stream reaches ${((100 * receive.main) / stream.main).toFixed(0)} % of receiving alone (main thread), ${((100 * receive.total) / stream.total).toFixed(0)} % in all`,
    );
    console.log(
      `stream is ${(parse.main / stream.main).toFixed(2)} × the JSON.parse route (main thread), ${(parse.total / stream.total).toFixed(2)} × in all`,
    );
  }
  if (naive) console.log(`stream takes ${(stream.total / naive.total).toFixed(2)} × the naive client, in all`);
  for (const name of parse ? ['parse', 'stream'] : ['stream']) {
    const { stdout } = await mdtool(['query', `select count(*)::int as stored from ${channel}`, '--store', join(folder, name)]);
    console.log(`${name}: stored ${JSON.parse(stdout.split('\n')[0] ?? '{}').stored}`);
  }
} finally {
  await lists.close();
  rmSync(folder, { recursive: true, force: true });
}
