import { afterAll, beforeAll, expect, it } from 'vitest';
import { ShardTrial } from '../support/shard-trial.js';

/** Captures per fault; `SOAK_CAPTURES=5 npm run soak -- test/soak/shards.soak.ts` plays fewer. */
const CAPTURES = Number(process.env.SOAK_CAPTURES ?? 20);

let trial: ShardTrial;
beforeAll(async () => {
  trial = await ShardTrial.open();
}, 60_000);
afterAll(() => trial.close());

it.each(
  Array.from({ length: CAPTURES }, (_, seed) =>
    ['kill', 'freeze'].map((fault) => [fault as 'kill' | 'freeze', seed] as const),
  ).flat(),
)(
  'a capture with a %s, seed %i, is whole and has each trade once',
  async (fault, seed) => {
    const result = await trial.play(1_000 + seed + (fault === 'kill' ? 0 : 500), [fault]);
    console.log(`${fault} ${seed}: ${JSON.stringify(result)}`);
    expect(result.verdicts).toEqual({ whole: 6 });
    expect(result.trades).toBe(result.distinct);
  },
  240_000,
);
