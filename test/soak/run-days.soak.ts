import { describe, expect, it } from 'vitest';
import { growthOf, playDay } from '../support/run-days.js';
import { ALL_KINDS } from '../support/run-session.js';

const HOURS = Number(process.env.SOAK_HOURS ?? 24);
const SEEDS = Array.from({ length: Number(process.env.SOAK_DAYS ?? 20) }, (_, seed) => seed + 1);

describe.each(ALL_KINDS.map((kind) => ({ kind })))(`${HOURS} hours of a run on $kind`, ({ kind }) => {
  it.each(SEEDS)(
    'with all faults at low rates: it holds, and nothing of it grows (seed %i)',
    async (seed) => {
      const day = await playDay(kind, seed, HOURS);
      console.log(kind.join(' '), seed, JSON.stringify(day.hours.at(0)), JSON.stringify(day.hours.at(-1)));
      expect([...day.problems, ...growthOf(day)]).toEqual([]);
    },
    3_600_000,
  );
});
