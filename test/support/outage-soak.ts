import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { queryStore } from '../../src/lib/storage/reading/query.js';
import { type ExchangeServer, startExchangeServer } from './exchange-server/index.js';
import { ROOT } from './mdtool.js';
import { memoryOf, processorOf } from './process-figures.js';

type OutageOptions = {
  readonly store: string;
  readonly minutes: number;
  /** Seconds between two cuts of all connections of both exchanges. */
  readonly cutEvery: number;
  /** Symbols of each exchange. */
  readonly symbols: number;
  /** Trades per second of each exchange. */
  readonly rate: number;
  readonly say: (text: string) => void;
};

/** What a capture of two exchanges made of its outages. */
type Outages = {
  readonly code: number | null;
  readonly trades: number;
  readonly stored: number;
  readonly doubled: number;
  /** Trades after the first subscription of their symbol that are not stored, and those of them in no gap. */
  readonly lost: number;
  readonly silent: number;
  /** Of those in no gap, a line each. */
  readonly examples: readonly string[];
  readonly gaps: number;
  readonly missingGaps: number;
  readonly violations: readonly unknown[];
  /** Seconds from each cut until everything was subscribed again, by exchange. */
  readonly recoveries: Readonly<Record<string, readonly number[]>>;
  /** MB of the capture every ten seconds, and its share of one processor. */
  readonly memory: readonly number[];
  readonly processor: number;
  readonly summary: unknown;
};

const SAMPLE = 10_000;
const PATIENCE = 300_000;

/** Captures trades of both exchanges over REST and WebSocket rules in real time, and cuts all connections again and again. */
export async function outageSoak(options: OutageOptions): Promise<Outages> {
  const { store, minutes, cutEvery, symbols, rate, say } = options;
  const servers = await Promise.all(
    ['bitget', 'bybit'].map((id) =>
      startExchangeServer(id, {
        symbols: { linear: symbols },
        strangers: false,
        rate,
        mix: { book: 0, ticker: 0, liquidation: 0 },
        keepBooks: false,
        history: { trades: 2 * symbols, duration: 600_000 },
      }),
    ),
  );
  const capture = startCapture(servers, store);
  const recoveries: Record<string, number[]> = Object.fromEntries(servers.map(({ id }) => [id, []]));
  const memory: number[] = [];
  const sampler = setInterval(() => memory.push(memoryOf(capture.pid)), SAMPLE);
  const begun = Date.now();
  await Promise.all(servers.map((server) => recovered(server, symbols)));
  say(`subscribed ${symbols} + ${symbols} symbols after ${seconds(begun)} s`);
  const before = processorOf(capture.pid);
  const from = Date.now();
  const end = from + minutes * 60_000;
  for (let cut = 1; Date.now() + cutEvery * 1_000 <= end; cut++) {
    await sleep(cutEvery * 1_000);
    const at = Date.now();
    const back = servers.map((server) => {
      const { accepted } = server;
      server.drop();
      return recovered(server, symbols, accepted);
    });
    for (const [place, time] of (await Promise.all(back)).entries()) recoveries[servers[place]?.id ?? '']?.push(time);
    const share = (processorOf(capture.pid) - before) / ((Date.now() - from) / 1_000);
    const times = servers.map(({ id }) => `${id} ${recoveries[id]?.at(-1)?.toFixed(1)} s`).join(', ');
    say(`cut ${cut}: back after ${times}; memory ${memory.at(-1)?.toFixed(0)} MB, processor ${(100 * share).toFixed(1)} %`);
    for (const { violations } of servers) if (violations.length > 0) say(`broken rules: ${JSON.stringify(violations)}`);
    if (Date.now() - at > cutEvery * 1_000) say('the recovery took longer than the time between two cuts');
  }
  await sleep(Math.max(30_000, end - Date.now()));
  clearInterval(sampler);
  const processor = (processorOf(capture.pid) - before) / ((Date.now() - from) / 1_000);
  // A trade that is on its way when the capture ends belongs to nobody.
  const until = Date.now() - 2_000;
  const { code, summary } = await capture.stop();
  const judged = await judgeTrades(servers, store, until);
  const violations = servers.flatMap((server) => server.violations);
  await Promise.all(servers.map((server) => server.close()));
  return { code, summary, ...judged, violations, recoveries, memory, processor };
}

const seconds = (since: number): string => ((Date.now() - since) / 1_000).toFixed(1);

/** Resolves with the seconds until connections after the first `accepted` have every subscription. */
async function recovered(server: ExchangeServer, symbols: number, accepted = 0): Promise<number> {
  const begun = Date.now();
  const count = () => server.connections.reduce((sum, { id, topics }) => sum + (id > accepted ? topics.size : 0), 0);
  while (count() < symbols) {
    if (Date.now() - begun > PATIENCE) throw new Error(`${server.id}: ${count()} of ${symbols} symbols after 300 s`);
    await sleep(50);
  }
  return (Date.now() - begun) / 1_000;
}

function startCapture(servers: readonly ExchangeServer[], store: string) {
  const args = ['stream', '--exchange', 'bitget,bybit', '--market', 'linear', '--store', store, '--json', '--log-level', 'warn'];
  const environment = Object.assign({}, ...servers.map(({ environment }) => environment));
  const child = spawn(process.execPath, [join(ROOT, 'bin/run.js'), ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const stop = async () => {
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, summary: JSON.parse(output) as unknown };
  };
  return { pid: child.pid as number, stop };
}

type Interval = { readonly from: number; readonly until: number };

/** Holds the store to the trades of the exchanges up to `until` (ms). */
export async function judgeTrades(servers: readonly ExchangeServer[], store: string, until: number) {
  const stored = await rowsOf(store, 'select exchange, symbol, id, count(*)::int from trade group by all');
  const ids = new Set(stored.map(([exchange, symbol, id]) => `${exchange} ${symbol} ${id}`));
  const gaps = await rowsOf(
    store,
    "select exchange, symbol, from_timestamp, until_timestamp, missing from gap where channel = 'trade' order by local_timestamp",
  );
  const missing = new Map<string, Interval[]>();
  for (const [exchange, symbol, from, end, isMissing] of gaps) {
    const key = `${exchange} ${symbol}`;
    const span = { from: Number(from) / 1_000, until: Number(end) / 1_000 };
    // A later gap of the same beginning says what became of the earlier one.
    const others = (missing.get(key) ?? []).filter((other) => other.from !== span.from);
    missing.set(key, isMissing ? [...others, span] : others);
  }
  const counts = { trades: 0, lost: 0, silent: 0 };
  const examples: string[] = [];
  for (const server of servers) {
    const begins = new Map<string, number>();
    for (const { topic, at } of server.subscribed)
      if (topic.kind === 'trade' && !begins.has(topic.symbol)) begins.set(topic.symbol, at);
    for (const [symbol, begin] of begins) {
      const owed = server.trades('linear', symbol).filter(({ time }) => time > begin && time < until);
      const lost = owed.filter(({ id }) => !ids.has(`${server.id} ${symbol} ${id}`));
      const spans = missing.get(`${server.id} ${symbol}`) ?? [];
      counts.trades += owed.length;
      counts.lost += lost.length;
      const silent = lost.filter(({ time }) => !spans.some((span) => span.from <= time && time <= span.until));
      counts.silent += silent.length;
      for (const { id, time } of silent)
        examples.push(
          `${server.id} ${symbol} ${id}: ${time - begin} ms after its subscription, ${until - time} ms before the end`,
        );
    }
  }
  const missingGaps = [...missing.values()].reduce((sum, spans) => sum + spans.length, 0);
  const doubled = stored.length - ids.size + countTwice(stored);
  return { ...counts, stored: ids.size, doubled, gaps: gaps.length, missingGaps, examples: examples.slice(0, 10) };
}

const countTwice = (rows: readonly (readonly unknown[])[]): number => rows.filter(([, , , count]) => Number(count) > 1).length;

export async function rowsOf(store: string, sql: string): Promise<unknown[][]> {
  const result = await queryStore(store, sql, { database: { threads: 1 } });
  const found: unknown[][] = [];
  for await (const rows of result.rows()) for (const row of rows) found.push([...row]);
  await result.close();
  return found;
}
