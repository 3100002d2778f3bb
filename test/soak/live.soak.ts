import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { startExchangeServer } from '../support/exchange-server/index.js';
import { mdtool, ROOT } from '../support/mdtool.js';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 600);
const RATE = Number(process.env.SOAK_RATE ?? 20_000);
/** Memory may differ by so much between the second and the last minute: what the collector leaves for later. */
const GROWTH_MB = 40;

const directory = mkdtempSync(join(tmpdir(), 'soak-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const memoryOf = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

describe('a long capture', () => {
  it(`holds ${RATE} frames/s for ${SECONDS} s in flat memory and loses nothing`, async () => {
    const server = await startExchangeServer('bybit', {
      symbols: { linear: 500 },
      rate: RATE,
      mix: { book: 0, ticker: 0, liquidation: 0 },
      keepBooks: false,
      history: { trades: 0, duration: 0 },
    });
    const store = join(directory, 'store');
    const args = ['stream', '--exchange', 'bybit', '--market', 'linear', '--store', store, '--json', '--log-level', 'error'];
    const child = spawn(process.execPath, [join(ROOT, 'bin/run.js'), ...args], {
      env: { ...process.env, ...server.environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    while (server.subscriptions < 500) await sleep(50);
    const memory: number[] = [];
    for (let second = 0; second < SECONDS; second++) {
      await sleep(1_000);
      memory.push(memoryOf(child.pid as number));
    }
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];
    await server.close();
    const minute = Math.min(60, Math.floor(SECONDS / 4));
    const early = median(memory.slice(minute, 2 * minute));
    const late = median(memory.slice(-minute));
    const summary = JSON.parse(output);
    console.log(
      `soak: ${Math.round(summary.frames / SECONDS)} frames/s, memory ${Math.round(early)} MB then ${Math.round(late)} MB (most ${Math.round(Math.max(...memory))}), ` +
        `lag p50 ${summary.lag_p50_ms_bybit_linear} ms p99 ${summary.lag_p99_ms_bybit_linear} ms, queue at most ${summary.queue_most}`,
    );
    const query = ['query', 'select count(*)::int as stored from trade', '--store', store];
    const { stored } = JSON.parse((await mdtool(query)).stdout.split('\n')[0] ?? '{}');
    expect(code).toBe(0);
    expect(server.violations).toEqual([]);
    expect(stored).toBe(summary.records.trade);
    expect(summary.dropped_records).toBe(0);
    expect(late - early).toBeLessThan(GROWTH_MB);
  });
});
