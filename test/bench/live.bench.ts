/**
 * From the socket to stored records: `stream` as users start it, against a client that only counts frames, and against the
 * route without a scanner (JSON.parse, a record per row, the same store). Every frame holds one trade, all are different.
 *
 *   node --import tsx test/bench/live.bench.ts [--seconds 20] [--rate FRAMES_PER_SECOND] [--shape single|burst]
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
    seconds: { type: 'string', default: '20' },
    rate: { type: 'string', default: '20000' },
    shape: { type: 'string', default: 'single' },
    profile: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const shape = values.shape === 'burst' ? 'burst' : 'single';
const SYMBOLS = 200;
const TICKS_PER_SECOND = 100;

const folder = mkdtempSync(join(tmpdir(), 'mdtool-bench-'));
const lists = await startExchangeServer('bybit', { symbols: { linear: SYMBOLS }, strangers: false, rate: 0 });
const answer = await fetch(`${lists.restUrl}/v5/market/instruments-info?category=linear&limit=1000`);
const symbols = ((await answer.json()) as { result: { list: { symbol: string }[] } }).result.list.map(({ symbol }) => symbol);

type Measured = { readonly frames: number; readonly total: number; readonly main: number; readonly memory: number };

/** Returns the processor seconds of a process, and of its main thread. */
function timesOf(pid: number): { total: number; main: number } {
  const of = (path: string) => {
    const [user, system] = readFileSync(path, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return ((user ?? 0) + (system ?? 0)) / TICKS_PER_SECOND;
  };
  return { total: of(`/proc/${pid}/stat`), main: of(`/proc/${pid}/task/${pid}/stat`) };
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
  await sleep(500);
  const memory = memoryOf(pid);
  child.kill('SIGINT');
  await once(child, 'close');
  await feed.close();
  const { frames, records, ...rest } = JSON.parse(output) as Record<string, unknown>;
  if (values.profile) console.log(JSON.stringify({ frames, records, ...rest }));
  const delivered = Number((records as { trade?: number } | undefined)?.trade ?? frames);
  assert.equal(delivered, feed.sent, `${delivered} of ${feed.sent} frames became records`);
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
    ['--import', 'tsx', join(import.meta.dirname, 'live/clients.ts'), kind, feed.url, join(folder, kind), symbols.join(',')],
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
  const stream = await measure(product, subscribed);
  const show = (name: string, { frames, total, main, memory }: Measured) =>
    console.log(
      `${name.padEnd(10)} ${Math.round(frames)} frames/s, processor time per frame: ${total.toFixed(2)} µs in all, ${main.toFixed(2)} µs main thread; most memory ${Math.round(memory)} MB`,
    );
  if (receive) show('receive', receive);
  if (parse) show('parse', parse);
  show('stream', stream);
  if (receive && parse) {
    console.log(
      `stream reaches ${((100 * receive.main) / stream.main).toFixed(0)} % of receiving alone (main thread), ${((100 * receive.total) / stream.total).toFixed(0)} % in all`,
    );
    console.log(
      `stream is ${(parse.main / stream.main).toFixed(2)} × the JSON.parse route (main thread), ${(parse.total / stream.total).toFixed(2)} × in all`,
    );
  }
  for (const name of parse ? ['parse', 'stream'] : ['stream']) {
    const { stdout } = await mdtool(['query', 'select count(*)::int as stored from trade', '--store', join(folder, name)]);
    console.log(`${name}: stored ${JSON.parse(stdout.split('\n')[0] ?? '{}').stored}`);
  }
} finally {
  await lists.close();
  rmSync(folder, { recursive: true, force: true });
}
