import { expect, it } from 'vitest';
import { describeOutcome, playAll, seedsFrom } from '../support/fault-scenarios/trial.js';

const SCENARIOS = Number(process.env.SOAK_SCENARIOS ?? 240);
const FIRST_SEED = Number(process.env.SOAK_SEED ?? 1_000);

/** Twenty minutes on two cores that others use as well, more where they use them more. */
const PATIENCE = 7_200_000;

it(`no trade is lost in silence and no book is wrong in ${SCENARIOS} scenarios of faults and kills`, {
  timeout: PATIENCE,
}, async () => {
  const outcome = await playAll(seedsFrom(FIRST_SEED, SCENARIOS), 6, true);
  console.log(describeOutcome(outcome));
  expect(outcome.failures, outcome.failures.join('\n')).toHaveLength(0);
});
