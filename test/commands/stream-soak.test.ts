import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { median, soak } from '../support/capture-soak.js';

const SECONDS = 12;
/** A sample of `test/soak/live.soak.ts` at what two slow cores carry beside other tests. */
const RATE = 2_000;
/** Between the second and the last quarter; a leak of what passes would be more: some 10 MB a second. */
const GROWTH_MB = 60;

const directory = mkdtempSync(join(tmpdir(), 'soak-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a capture of 200 symbols', () => {
  it('stores every trade and does not grow', async () => {
    const { code, stored, summary, violations, memory } = await soak({
      store: join(directory, 'store'),
      seconds: SECONDS,
      rate: RATE,
      symbols: 200,
    });
    expect([code, violations, summary.dropped_records]).toEqual([0, [], 0]);
    expect(stored).toBe(summary.records.trade);
    expect(stored).toBeGreaterThan(RATE);
    const quarter = SECONDS / 4;
    expect(median(memory.slice(-quarter)) - median(memory.slice(quarter, 2 * quarter))).toBeLessThan(GROWTH_MB);
  }, 120_000);
});
