import { setTimeout as sleep } from 'node:timers/promises';
import { differencesOf } from '../../../lib/execution/differences.js';
import { type KnownRun, readRun } from '../run/runs.js';
import { type AskContext, openTarget, readSymbol, targetOfRun, withHttp } from '../run/target.js';
import type { StatusFlags } from './flags.js';

/** A process that trades is between two steps at any moment: what differs in every one of these looks differs. */
const LOOKS = 4;
const BETWEEN_LOOKS = 1_500;

/** Returns how the exchange differs from the journal of a run; undefined for a run on paper, which is on no exchange. */
export async function checkRun(run: KnownRun, flags: StatusFlags, context: AskContext): Promise<readonly string[] | undefined> {
  const { config } = run;
  if (config.mode === 'paper') return undefined;
  return withHttp(context, async (connected) => {
    const target = targetOfRun(config, flags);
    const opened = await openTarget(target, flags, connected);
    let found: readonly string[] | undefined;
    for (let look = 1; ; look++) {
      const view = await readSymbol(opened, target.scope);
      const { state, isRunning } = await readRun(flags.store, config.name);
      const now = state === undefined ? [] : differencesOf(state, config, view);
      found = found === undefined ? now : found.filter((text) => now.includes(text));
      if (found.length === 0 || !isRunning || look === LOOKS) return found;
      await sleep(BETWEEN_LOOKS);
    }
  });
}
