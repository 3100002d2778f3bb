import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fault, WorkerTrial } from '../support/worker-trial.js';

/** Sweeps per fault; `SOAK_SWEEPS=5 npm run soak -- test/soak/workers.soak.ts` plays fewer. */
const SWEEPS = Number(process.env.SOAK_SWEEPS ?? 20);
const FAULTS: readonly Fault[] = ['killed worker', 'killed Redis', 'frozen Redis'];

describe.each(FAULTS)('sweeps over two workers with a %s', (fault) => {
  let trial: WorkerTrial;
  beforeAll(async () => {
    trial = await WorkerTrial.start();
  }, 60_000);
  afterAll(() => trial.close());

  it.each(Array.from({ length: SWEEPS }, (_, seed) => seed))(
    'seed %i',
    async (seed) => {
      expect(await trial.play(fault, seed)).toMatchObject({ code: 0, isSame: true });
    },
    120_000,
  );
});
