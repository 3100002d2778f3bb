import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BANS, FAULTS, type FaultName } from './faults.js';
import { judge } from './oracle.js';
import { type Scenario, scenarioOf } from './scenario.js';
import { Stage } from './stage.js';
import { addTotals, type Totals, zero } from './totals.js';
import { judgeBackfill, judgeVerify, type Lost } from './verify-oracle.js';

/** What came of some scenarios. */
type Outcome = {
  readonly totals: Totals;
  readonly faults: Readonly<Record<string, number>>;
  /** Scenarios with something wrong, and what. */
  readonly failures: readonly string[];
};

export function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}

/**
 * Returns `count` seeds of the first 300 scenarios: each adds the most that those before it lack of faults per exchange,
 * endings and markets. So a few scenarios play every fault.
 */
export function variedSeeds(count: number): number[] {
  const left = seedsFrom(1, 300).map((seed) => ({ seed, traits: traitsOf(scenarioOf(seed)) }));
  const seen = new Set<string>();
  return seedsFrom(1, count).map(() => {
    const gains = left.map(({ traits }) => traits.filter((trait) => !seen.has(trait)).length);
    const [best] = left.splice(gains.indexOf(Math.max(...gains)), 1);
    for (const trait of best?.traits ?? []) seen.add(trait);
    return best?.seed ?? 0;
  });
}

function traitsOf({ exchange, api, market, steps, ending }: Scenario): string[] {
  const faults = new Set(steps.map(({ fault }) => fault));
  return [ending, `${exchange} ${api} ${market}`, ...faults, ...[...faults].map((fault) => `${exchange} ${fault}`)];
}

/** Says in a few lines what was played and what came of it. */
export function describeOutcome({ totals, faults, failures }: Outcome): string {
  const counted = Object.entries(faults).sort(([, a], [, b]) => b - a);
  return [
    `faults: ${totals.scenarios} scenarios, ${totals.runs} runs, ${totals.kills} killed, ${failures.length} failed`,
    `trades: ${totals.produced} happened, ${totals.owed} while the capture was meant to run, ${totals.stored} stored (${totals.repaired} fetched; ${totals.displaced} displaced by times that the exchange rounds to the second), ${totals.covered} covered by gaps, 0 lost in silence unless it failed`,
    `gaps: ${totals.gaps} with something missing (${totals.emptyGaps} without a trade in it; ${(totals.gapTime / 1_000).toFixed(1)} s in all, of which ${(totals.lostTime / 1_000).toFixed(1)} s between first and last lost trade; ${totals.inside} stored trades inside), ${totals.repairedGaps} repaired`,
    `books: ${totals.books} snapshots and ${totals.deltas} deltas compared with the exchange's`,
    `faults of each kind: ${counted.map(([name, count]) => `${name} ${count}`).join(', ')}`,
  ].join('\n');
}

/** Plays scenarios, so many at the same time, and holds each to what the exchange knows. */
export async function playAll(seeds: readonly number[], atOnce: number, isThorough = false): Promise<Outcome> {
  const totals = zero();
  const faults: Record<string, number> = {};
  const failures: string[] = [];
  const left = [...seeds];
  const worker = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const scenario = scenarioOf(seed);
      for (const { fault } of scenario.steps) faults[fault] = (faults[fault] ?? 0) + 1;
      const problems = await play(scenario, totals, isThorough).catch((error: Error) => [error.message]);
      if (problems.length > 0) failures.push(`${tell(scenario)}\n  ${problems.join('\n  ')}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { totals, faults, failures };
}

/** Plays one scenario; returns what is wrong. `isThorough` also lets `verify` find and `backfill` fill what is missing. */
async function play(scenario: Scenario, totals: Totals, isThorough: boolean): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'faults-'));
  const stage = await Stage.open(scenario, join(directory, 'store'));
  try {
    await stage.start();
    for (const { after, fault } of scenario.steps) {
      await stage.pass(after);
      await FAULTS[fault](stage);
    }
    await stage.finish();
    const verdict = await judge(stage);
    addTotals(totals, { ...verdict.totals, scenarios: 1 });
    const problems = [...verdict.problems, ...violationsOf(stage)];
    if (!isThorough) return problems;
    problems.push(...(await judgeVerify(stage, verdict.lost, verdict.holes)));
    if (verdict.holes > 0)
      problems.push(...(await judgeBackfill(stage, async () => stillLost(verdict.lost, (await judge(stage)).lost))));
    return problems;
  } finally {
    await stage.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** What was fetched afterwards makes no run owe more than it did. */
function stillLost(before: readonly Lost[], after: readonly Lost[]): Lost[] {
  const ids = new Set(after.flatMap(({ symbol, trades }) => trades.map(({ id }) => `${symbol} ${id}`)));
  return before.map(({ symbol, trades }) => ({ symbol, trades: trades.filter(({ id }) => ids.has(`${symbol} ${id}`)) }));
}

function violationsOf({ server, scenario }: Stage): string[] {
  const isBanned = scenario.steps.some(({ fault }) => BANS.has(fault as FaultName));
  return server.violations
    .filter(({ rule }) => !(isBanned && rule.endsWith('while-banned')))
    .map(({ rule, detail }) => `the capture broke a rule: ${rule}: ${detail}`);
}

/** Says a scenario in one line. */
function tell({ seed, exchange, api, market, channels, clockOffset, steps, ending }: Scenario): string {
  const faults = steps.map(({ fault }) => fault).join(', ');
  return `seed ${seed}: ${exchange} ${api} ${market} ${channels.join('+')}${clockOffset === 0 ? '' : `, clock ${clockOffset} ms`}: ${faults}; ends ${ending}`;
}
