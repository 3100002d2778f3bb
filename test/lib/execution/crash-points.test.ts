import { beforeEach, describe, expect, it } from 'vitest';
import { CRASH_NAMES, crashAt, crashPlaces } from '../../support/run-crashes.js';
import { ALL_KINDS, isLeftToSoak } from '../../support/run-session.js';

/** `MDTOOL_CRASH_POINTS=all` dies at every place of the cycle, once each; a number at so many of each name. */
const EACH = process.env.MDTOOL_CRASH_POINTS ?? '1';

describe.each(ALL_KINDS.map((kind) => ({ kind })))('one scripted cycle on $kind', ({ kind }) => {
  beforeEach(({ skip, task }) => {
    if (isLeftToSoak(kind, task.name)) skip();
  });

  it('goes on wherever its process dies: one order per role, no fill lost or doubled, the next ladder rests', async () => {
    const { places, faults } = await crashPlaces(kind);
    expect(faults).toEqual([]);
    expect(places.length).toBeGreaterThan(100);
    const chosen = new Set<number>();
    for (const name of CRASH_NAMES) {
      const found = places.flatMap((names, index) => (names.includes(name) ? [index] : []));
      expect(found.length, name).toBeGreaterThan(0);
      // The protocols take turns: each name is tried on each, at places of its own.
      const first = ALL_KINDS.indexOf(kind as (typeof ALL_KINDS)[number]);
      const most = EACH === 'all' ? found.length : Number(EACH);
      for (let turn = 0; turn < most; turn++)
        chosen.add(found[(first + Math.floor((turn * found.length) / most)) % found.length] as number);
    }
    const all = EACH === 'all' ? places.map((_, index) => index) : [...chosen];
    const wrong: Record<number, string[]> = {};
    for (const index of all) {
      const problems = await crashAt(kind, index);
      if (problems.length > 0) wrong[index] = [...(places[index] as string[]), ...problems];
    }
    expect(wrong).toEqual({});
  }, 3_600_000);
});
