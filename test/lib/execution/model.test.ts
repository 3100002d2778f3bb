import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commands, type History, playCommands, playHistory } from '../../support/run-model.js';
import { ALL_KINDS, RUN_KINDS, type RunKind, samplesOf } from '../../support/run-session.js';

/** `MDTOOL_MODEL_RUNS=2000` tries more than the suite has time for, `MDTOOL_MODEL_SEED` others. */
const RUNS = Number(process.env.MDTOOL_MODEL_RUNS ?? 7);
const SEED = Number(process.env.MDTOOL_MODEL_SEED ?? 20);

/** Histories that failed once: `KIND-FAMILY-what.json`. */
const FOLDER = join(import.meta.dirname, 'histories');

describe.each(ALL_KINDS.map((kind) => ({ kind })))('a run on $kind', ({ kind }) => {
  it('whatever happens, in whatever order: journal and truth agree, or it halts for a reason', async () => {
    const property = fc.asyncProperty(commands, (cmds) => playCommands(kind, cmds));
    await fc.assert(property, {
      numRuns: samplesOf(kind, RUNS),
      seed: SEED,
      endOnFailure: process.env.MDTOOL_MODEL_SHRINK === '0',
    });
  }, 36_000_000);
});

it.each(readdirSync(FOLDER))('%s, which failed once', async (name) => {
  const [exchange, family] = name.split('-');
  const kind = RUN_KINDS.find((one) => one[0] === exchange && one[1] === family) as RunKind;
  const history = JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as History;
  await expect(playHistory(kind, history)).resolves.toBeUndefined();
});
