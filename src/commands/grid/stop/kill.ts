import { setTimeout as sleep } from 'node:timers/promises';
import type { Summary } from '../../../lib/cli/summary.js';
import { type KillResult, killSymbol, markKilled } from '../../../lib/execution/live/kill.js';
import type { RunConfig } from '../../../lib/execution/state.js';
import { openRunStore, runDirectory } from '../../../lib/execution/store/sqlite-store.js';
import { LimitError } from '../../../lib/model/errors.js';
import { SYSTEM_TIMING } from '../../../lib/transport/timing.js';
import { confirmSymbol } from '../run/confirmation.js';
import { takeLocks } from '../run/open.js';
import { readRun } from '../run/runs.js';
import type { SessionContext } from '../run/session.js';
import { type AskContext, openTarget, type Target, targetOfFlags, targetOfRun, withHttp } from '../run/target.js';
import type { StopFlags } from './flags.js';

type KillContext = AskContext & { readonly summary: Summary };

/** Milliseconds that a process has to leave before its symbol is killed under it. */
const LEAVES_WITHIN = 15_000;
const POLL = 100;

/** Kills the symbol of a run, or one that flags name. Returns false for a run on paper, which has nothing on an exchange. */
export async function kill(name: string | undefined, flags: StopFlags, context: KillContext): Promise<boolean> {
  const run = name === undefined ? undefined : await knownRun(flags.store, name);
  if (run?.mode === 'paper') return false;
  await withHttp(context, async (connected) => {
    const target = run ? targetOfRun(run, flags) : await targetOfFlags(flags, '--kill', connected);
    const { symbol } = target.scope;
    await confirmSymbol(symbol, flags.confirm, {
      needs: '--kill',
      question: `Every order on ${symbol} of this ${target.mode} account is cancelled, also those that are not of a run, and its position is closed by market.`,
    });
    const unlock = run && (await release(flags.store, run, context));
    try {
      const result = await strike(target, flags, connected);
      if (unlock && run) await settle(flags.store, run.name);
      report(target, result, context);
    } finally {
      unlock?.();
    }
  });
  return true;
}

async function knownRun(store: string, name: string): Promise<RunConfig> {
  try {
    return (await readRun(store, name)).config;
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    throw new LimitError(`${error.message}; mdtool grid stop --kill --exchange NAME --symbols SYMBOL needs no journal`);
  }
}

/** Asks the process of a run to leave, and takes its place; goes on without it after a while. */
async function release(store: string, config: RunConfig, context: KillContext): Promise<(() => void) | undefined> {
  const { name } = config;
  const until = performance.now() + LEAVES_WITHIN;
  for (let isAsked = false; ; ) {
    const { isRunning } = await readRun(store, name);
    if (!isRunning) return takeLocks(store, config).catch(() => undefined);
    if (!isAsked) {
      const journal = await openRunStore(runDirectory(store, name));
      journal.order('keep');
      journal.close();
      isAsked = true;
    }
    if (performance.now() > until) {
      context.notice(
        `the process of ${name} does not leave: end it by its id (mdtool grid status ${name}), or it may place again`,
      );
      return undefined;
    }
    await sleep(POLL);
  }
}

async function strike(target: Target, flags: StopFlags, context: SessionContext): Promise<KillResult> {
  const { scope, side } = target;
  const opened = await openTarget(target, flags, context);
  const note = (text: string) => context.stderr.warn(text);
  return killSymbol({ ...opened, scope, side, within: flags.within / 1_000, timing: SYSTEM_TIMING, note });
}

async function settle(store: string, name: string): Promise<void> {
  const journal = await openRunStore(runDirectory(store, name));
  try {
    markKilled(journal, Date.now());
  } finally {
    journal.close();
  }
}

function report(
  { scope: { symbol }, mode, side }: Target,
  { isKnown, orders, positions }: KillResult,
  { notice, summary }: KillContext,
): void {
  const left = [
    ...orders.map(({ orderId, clientId }) => `order ${orderId ?? clientId}`),
    ...positions.map(({ amount, positionSide }) => `a ${positionSide ?? ''} position of ${amount}`),
  ];
  if (!isKnown) summary.incomplete(`${symbol} (${mode}): the exchange does not answer, so what remains is not known`);
  else if (left.length > 0) summary.incomplete(`${symbol} (${mode}): what remains: ${left.join(', ')}`);
  else notice(`${symbol} (${mode}): no order and no ${side === undefined ? '' : `${side} `}position remains`);
}
