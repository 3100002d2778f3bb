import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startExchangeServer } from './exchange-server/index.js';
import { mdtool, ROOT } from './mdtool.js';
import { childrenOf, memoryOf, processorOf } from './process-figures.js';

type SoakOptions = { readonly store: string; readonly seconds: number; readonly rate: number; readonly symbols: number };

/** What a capture did in so many seconds; memory in MB, second by second, with the process that seals for it beside. */
type Soak = {
  readonly code: number | null;
  readonly sent: number;
  readonly stored: number;
  readonly summary: Readonly<Record<string, number>> & { readonly records: Readonly<Record<string, number>> };
  readonly violations: readonly unknown[];
  readonly memory: readonly number[];
  readonly sealing: readonly number[];
  /** Processor time of the capture per frame, µs. */
  readonly perFrame: number;
};

/** Runs `stream` into a store against a local exchange that sends so many trades a second, each in a frame of its own. */
export async function soak({ store, seconds, rate, symbols }: SoakOptions): Promise<Soak> {
  const server = await startExchangeServer('bybit', {
    symbols: { linear: symbols },
    rate,
    mix: { book: 0, ticker: 0, liquidation: 0 },
    keepBooks: false,
    history: { trades: 0, duration: 0 },
  });
  const args = ['stream', '--exchange', 'bybit', '--market', 'linear', '--store', store, '--json', '--log-level', 'error'];
  const child = spawn(process.execPath, [join(ROOT, 'bin/run.js'), ...args], {
    env: { ...process.env, ...server.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = child.pid as number;
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  while (server.subscriptions < symbols) await sleep(50);
  const memory: number[] = [];
  const sealing: number[] = [];
  const before = processorOf(pid);
  for (let second = 0; second < seconds; second++) {
    await sleep(1_000);
    memory.push(memoryOf(pid));
    sealing.push(...childrenOf(pid).map(memoryOf));
  }
  const spent = processorOf(pid) - before;
  child.kill('SIGINT');
  const [code] = (await once(child, 'close')) as [number | null];
  const sent = server.market.symbols.reduce((sum, { trades }) => sum + trades.length, 0);
  await server.close();
  const summary = JSON.parse(output) as Soak['summary'];
  const query = ['query', 'select count(*)::int as stored from trade', '--store', store];
  const { stored } = JSON.parse((await mdtool(query)).stdout.split('\n')[0] ?? '{}') as { stored: number };
  const perFrame = (spent / (summary.frames as number)) * 1e6;
  return { code, sent, stored, summary, violations: server.violations, memory, sealing, perFrame };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
