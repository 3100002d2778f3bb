import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { outageSoak } from '../support/outage-soak.js';

const MINUTES = Number(process.env.SOAK_MINUTES ?? 60);
const CUT_EVERY = Number(process.env.SOAK_CUT_SECONDS ?? 600);
const SYMBOLS = Number(process.env.SOAK_SYMBOLS ?? 500);
/** Trades per second of each exchange. */
const RATE = Number(process.env.SOAK_RATE ?? 40);
/** Seconds after which everything is subscribed again. */
const BACK_WITHIN = 60;

const directory = mkdtempSync(join(tmpdir(), 'outages-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it(
  `${SYMBOLS} + ${SYMBOLS} symbols lose nothing in ${MINUTES} minutes with all connections cut every ${CUT_EVERY} s`,
  async () => {
    const say = (text: string) => console.log(`${new Date().toISOString()} ${text}`);
    const outages = await outageSoak({
      store: join(directory, 'store'),
      minutes: MINUTES,
      cutEvery: CUT_EVERY,
      symbols: SYMBOLS,
      rate: RATE,
      say,
    });
    const { memory, processor, recoveries, violations, summary, ...counts } = outages;
    say(JSON.stringify(summary));
    say(JSON.stringify({ ...counts, violations: violations.length, recoveries }));
    say(
      `memory ${Math.round(Math.min(...memory))} to ${Math.round(Math.max(...memory))} MB, at the end ${Math.round(memory.at(-1) ?? 0)}; processor ${(100 * processor).toFixed(1)} %`,
    );
    expect(violations).toEqual([]);
    expect(counts).toMatchObject({ code: 0, doubled: 0, lost: 0, silent: 0 });
    expect(counts.trades).toBeGreaterThan(MINUTES * 60 * RATE);
    expect(Math.max(...Object.values(recoveries).flat())).toBeLessThan(BACK_WITHIN);
  },
  (MINUTES + 30) * 60_000,
);
