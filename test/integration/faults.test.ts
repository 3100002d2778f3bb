import { expect, it } from 'vitest';
import { describeOutcome, playAll, variedSeeds } from '../support/fault-scenarios/trial.js';

/** One scenario alone: `FAULT_SEED=17 npx vitest run test/integration/faults.test.ts`. */
const SEED = process.env.FAULT_SEED;

it('no trade is lost in silence and no book is wrong, whatever fails, in 12 scenarios of faults and kills', async () => {
  const outcome = await playAll(SEED === undefined ? variedSeeds(12) : [Number(SEED)], 6);
  console.log(describeOutcome(outcome));
  expect(outcome.failures, outcome.failures.join('\n')).toHaveLength(0);
}, 300_000);
