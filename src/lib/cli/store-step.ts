import * as Flags from '@oclif/core/flags';
import { isPiped } from '../input/paths.js';
import type { StepRequest, StepRun, StoreStep } from '../input/store-step.js';
import { findStore } from '../storage/files/store-directory.js';
import { type RunningStep, startStep } from '../storage/journal/step-lock.js';
import type { Delivery } from './base-command.js';
import { requireKnownSymbols } from './known-store.js';
import { LAST_ROWS } from './output/output.js';
import type { SelectionFlags } from './record-selection.js';
import { stdinHint } from './stdin-hint.js';

/** On every step that brings a store up to date. */
export const waitFlag = Flags.boolean({ summary: 'Wait if another run is using this store, instead of exiting.' });

type StoreStepOptions = {
  readonly wait: boolean;
  readonly stopped: AbortSignal;
  /** Takes hints. */
  readonly stderr: { note(text: string): void };
  readonly warn: (text: string) => void;
};

/** Returns a step over the store in `directory`, which no second run of its kind can hold. Returns undefined, after a warning, without a store or beside another run. */
async function startStoreStep(
  directory: string,
  step: string,
  { wait, stopped, stderr, warn }: StoreStepOptions,
): Promise<RunningStep | undefined> {
  const pipe = stdinHint();
  if (pipe) stderr.note(pipe);
  if (!(await findStore(directory))) {
    warn(`${directory}: the store is empty; mdtool stream fills it`);
    return undefined;
  }
  const run = await startStep(directory, step, { wait, signal: stopped });
  if (!run) warn(`${directory}: another run is using this store; --wait waits for it`);
  return run;
}

/** How the records of a step are delivered. */
export type StepDelivery = Pick<Delivery, 'fallback' | 'endless'> & { readonly isInStore: boolean };

type Way<Report, Result> = {
  /** `--output`, undefined for the default. */
  readonly outputs: readonly string[] | undefined;
  /** Whether the records go to the store when `--output` does not say so. */
  readonly intoStore: boolean;
  readonly wait: boolean;
  /** The flags that choose records, as the user wrote them. */
  readonly asked: SelectionFlags;
  readonly stderr: StoreStepOptions['stderr'];
  readonly deliver: (run: StepRun<Report>, delivery: StepDelivery) => Promise<Result>;
  /** Called instead of `deliver` when there is nothing to do. */
  readonly conclude: () => Result;
};

/** Runs a step over INPUT, beside a store or into it, as INPUT and `--output` say. */
export async function runStoreStep<Request extends StepRequest, Report, Result>(
  step: StoreStep<Request, Report>,
  request: Request,
  { outputs, intoStore, wait, asked, stderr, deliver, conclude }: Way<Report, Result>,
): Promise<Result> {
  const { input, directory } = request;
  const storing = outputs?.includes('store') ?? intoStore;
  if (input.length > 0) {
    if (storing) await step.keepRules(request);
    return await deliver(step.overInput(request), { fallback: '-', endless: isPiped(input), isInStore: false });
  }
  await requireKnownSymbols(directory, asked);
  if (!storing) {
    const hint = stdinHint();
    if (hint) stderr.note(hint);
    return await deliver(await step.besideStore(request), { fallback: '-', endless: false, isInStore: false });
  }
  const running = await startStoreStep(directory, step.name, { wait, stopped: request.stopped, stderr, warn: request.warn });
  if (!running) return conclude();
  try {
    const run = step.intoStore(running.context, request, shownOf(outputs));
    return await deliver(run, { fallback: 'store', endless: false, isInStore: true });
  } finally {
    await running.release();
  }
}

/** Returns how many new records of each part are shown: all go to other outputs, a terminal shows the last. */
function shownOf(outputs: readonly string[] = []): number {
  if (outputs.some((name) => name !== 'store')) return Number.MAX_SAFE_INTEGER;
  return process.stdout.isTTY ? LAST_ROWS : 0;
}
