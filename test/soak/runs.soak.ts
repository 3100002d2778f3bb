import { describe, expect, it } from 'vitest';
import { playKills, playRun } from '../support/run-play.js';
import { ALL_KINDS } from '../support/run-session.js';

const seeds = (most: number) => Array.from({ length: most }, (_, index) => index + 1);

describe.each(ALL_KINDS.map((kind) => ({ kind })))('a run on $kind', ({ kind }) => {
  it.each(seeds(500))('killed at two of its requests (seed %i)', async (seed) => {
    expect(await playKills(kind, seed)).toEqual([]);
  });

  it.each(seeds(200))('over five minutes of faults (seed %i)', async (seed) => {
    expect(await playRun(kind, seed, 300)).toEqual([]);
  });
});
