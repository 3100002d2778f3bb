import { expect, it } from 'vitest';
import { compactTrial } from './compact-trials.js';
import { temporaryDirectory } from './support.js';

it('compact, killed at 2 random moments beside a writer and readers, loses and doubles nothing', {
  timeout: 600_000,
}, async () => {
  const { reads, killed } = await compactTrial(await temporaryDirectory(), { kills: 2, seed: 3 });
  expect(reads).toBeGreaterThan(1);
  expect(killed).toBeGreaterThan(0);
});
