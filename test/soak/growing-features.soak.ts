import { describe, it } from 'vitest';
import { growRandomly, growThinly } from '../support/growing-features.js';

describe('rows of a store that grows', () => {
  it.each(Array.from({ length: 12 }, (_, index) => index + 2))(
    'are those of one run in the end (seed %i)',
    async (seed) => await growRandomly(seed, 0.5),
    300_000,
  );

  it.each(Array.from({ length: 12 }, (_, index) => index + 20))(
    'are those of one run when they are made in rounds (seed %i)',
    async (seed) => await growRandomly(seed, 0.9, 3, true),
    300_000,
  );

  it('do not depend on the rounds over days of a thin market', async () => await growThinly(80, true), 600_000);

  it('do not depend on when they were made over days of a thin market', async () => await growThinly(80), 600_000);
});
