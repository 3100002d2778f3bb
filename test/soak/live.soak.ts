import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { median, soak } from '../support/capture-soak.js';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 600);
const RATE = Number(process.env.SOAK_RATE ?? 20_000);
/** Memory may differ by so much between the second and the last minute: what the collector leaves for later. */
const GROWTH_MB = 40;

const directory = mkdtempSync(join(tmpdir(), 'soak-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a long capture', () => {
  it(`holds ${RATE} frames/s for ${SECONDS} s in flat memory and loses nothing`, async () => {
    const { code, stored, summary, violations, memory, sealing, perFrame } = await soak({
      store: join(directory, 'store'),
      seconds: SECONDS,
      rate: RATE,
      symbols: 500,
    });
    const minute = Math.min(60, Math.floor(SECONDS / 4));
    const early = median(memory.slice(minute, 2 * minute));
    const late = median(memory.slice(-minute));
    const whole = (value: number) => Math.round(value);
    console.log(
      `soak: ${whole((summary.frames as number) / SECONDS)} frames/s, memory ${whole(early)} MB then ${whole(late)} MB (most ${whole(Math.max(...memory))}; ` +
        `sealing beside it at most ${whole(Math.max(0, ...sealing))}), ${perFrame.toFixed(1)} µs of processor per frame, ` +
        `lag p50 ${summary.lag_p50_ms_bybit_linear} ms p99 ${summary.lag_p99_ms_bybit_linear} ms, queue at most ${summary.queue_most}, stored ${stored}`,
    );
    expect(code).toBe(0);
    expect(violations).toEqual([]);
    expect(stored).toBe(summary.records.trade);
    expect(summary.dropped_records).toBe(0);
    expect(late - early).toBeLessThan(GROWTH_MB);
  });
});
