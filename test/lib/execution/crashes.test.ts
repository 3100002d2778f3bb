import { beforeEach, describe, expect, it } from 'vitest';
import { playKills, playRun } from '../../support/run-play.js';
import { ALL_KINDS, isLeftToSoak } from '../../support/run-session.js';

/** `MDTOOL_RUN_SEEDS=50` tries more than the suite has time for. */
const SEEDS = Number(process.env.MDTOOL_RUN_SEEDS ?? 2);
const seeds = (most: number) => Array.from({ length: most }, (_, index) => index + 1);

describe.each(ALL_KINDS.map((kind) => ({ kind })))('a run on $kind', ({ kind }) => {
  beforeEach(({ skip, task }) => {
    if (isLeftToSoak(kind, task.name)) skip();
  });

  it.each(seeds(SEEDS))(
    'killed at seeded requests: one order per role, no fill lost or doubled, the ladder goes on (seed %i)',
    async (seed) => {
      expect(await playKills(kind, seed)).toEqual([]);
    },
  );

  it.each(seeds(Math.ceil(SEEDS / 4)))(
    'whatever happens between it and the exchange, the journal is the truth (seed %i)',
    async (seed) => {
      expect(await playRun(kind, seed, 60)).toEqual([]);
    },
  );
});
