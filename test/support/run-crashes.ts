import type { CrashPoint } from '../../src/lib/execution/live/runner.js';
import { isLive } from '../../src/lib/execution/orders.js';
import type { RunState } from '../../src/lib/execution/state.js';
import { type RunKind, RunSession } from './run-session.js';

/** The places in a cycle at which a crash is different from everywhere else. */
export const CRASH_NAMES = [
  'before-intent',
  'after-intent',
  'after-send',
  'before-reply-commit',
  'after-commit',
  'between-cancel-and-place',
  'before-ladder',
  'mid-batch',
  'in-clean',
  'in-restart-wait',
] as const;
type CrashName = (typeof CRASH_NAMES)[number];

/** What a process is about to do, or has done, when it dies. */
type Place = { readonly point: CrashPoint | 'arrives' | 'after-send'; readonly state: RunState };

function namesOf({ point, state }: Place): CrashName[] {
  const { phase, wanted, orders, held } = state;
  const isAt = (name: CrashName) => (CRASH_NAMES as readonly string[]).includes(name) && point === name;
  const target = orders.some((order) => order.role === 'take_profit' && isLive(order));
  const levels = orders.filter(({ role }) => role === 'level').length;
  return [
    ...CRASH_NAMES.filter(isAt),
    ...(phase === 'working' && Number(held) > 0 && !target && levels > 0 ? (['between-cancel-and-place'] as const) : []),
    ...(phase === 'working' && levels === 0 ? (['before-ladder'] as const) : []),
    ...(levels > 0 && levels < wanted.levels.length ? (['mid-batch'] as const) : []),
    ...(phase === 'cleaning' ? (['in-clean'] as const) : []),
    ...(phase === 'restart' ? (['in-restart-wait'] as const) : []),
  ];
}

/** Seven levels are two batches. */
const LEVELS = 8;

/**
 * Plays one scripted cycle: entry, ladder, a level, a part of the next one, the take profit, the wait, the next ladder. At each
 * place that it passes `visit` says whether the process dies there. Returns what was wrong.
 */
async function playCycle(kind: RunKind, visit: (place: Place) => boolean): Promise<string[]> {
  const run = new RunSession(kind, { seed: 7, config: { restart: 3_000 } });
  const { settings } = run.store.config;
  run.store.configure({ ...run.store.config, settings: { ...settings, levels: LEVELS } });
  run.rebuild();
  const pass = (place: Place): boolean => {
    if (!visit(place)) return false;
    run.restart();
    return true;
  };
  run.at = (point, state) => {
    // The process is dead: nothing of what follows in it happens.
    if (pass({ point, state })) throw new Error('killed');
  };
  run.onRequest = (phase) => pass({ point: phase === 'before' ? 'arrives' : 'after-send', state: run.runner.state });
  run.start();
  const rests = () => run.levels().length === run.plannedLevels() && run.takeProfits().length === 1;
  try {
    await run.until('the ladder rests', () => run.levels().length === LEVELS - 1 && rests(), 200_000);
    run.move('98.50');
    await run.until('a level has filled', () => run.filledLevels().length === 1 && rests(), 100_000);
    run.desk.faults.fills = [{ match: ({ clientId }) => /-L02-/.test(clientId), parts: [0.5, 0.5], every: 1_500 }];
    run.move('97.40');
    await run.until('the next one has filled', () => run.filledLevels().length === 2 && rests(), 100_000);
    await run.pass(4_000);
    run.move('103.00');
    await run.until(
      'the next ladder rests',
      () => run.runner.state.books.cycles === 1 && rests() && run.plannedLevels() === 7,
      200_000,
    );
    await run.pass(2_000);
    run.settle();
  } catch (error) {
    return [...run.faults, (error as Error).message];
  }
  return [...run.faults, ...(run.ended === undefined ? [] : [`ended with ${run.ended}`])];
}

/** Returns, for each place of the scripted cycle in its order, what it is called. */
export async function crashPlaces(
  kind: RunKind,
): Promise<{ readonly places: readonly CrashName[][]; readonly faults: string[] }> {
  const places: CrashName[][] = [];
  const faults = await playCycle(kind, (place) => {
    places.push(namesOf(place));
    return false;
  });
  return { places, faults };
}

/** Plays the scripted cycle with a process that dies at one of its places. Returns what was wrong. */
export function crashAt(kind: RunKind, index: number): Promise<string[]> {
  let count = -1;
  return playCycle(kind, () => {
    count += 1;
    return count === index;
  });
}
