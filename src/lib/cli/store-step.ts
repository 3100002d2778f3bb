import { Flags } from '@oclif/core';
import { findStore } from '../storage/files/store-directory.js';
import { type RunningStep, startStep } from '../storage/journal/step-lock.js';
import { stdinHint } from './stdin-hint.js';

/** On every step that brings a store up to date. */
export const waitFlag = Flags.boolean({
  summary: 'When a run over this store is going on, wait for it instead of leaving it to it.',
});

export type StoreStepOptions = {
  readonly wait: boolean;
  readonly stopped: AbortSignal;
  /** Takes hints. */
  readonly stderr: { note(text: string): void };
  readonly warn: (text: string) => void;
};

/** Returns a step over the store in `directory`, which no second run of its kind can hold. Returns undefined, after a warning, without a store or beside another run. */
export async function startStoreStep(
  directory: string,
  step: string,
  { wait, stopped, stderr, warn }: StoreStepOptions,
): Promise<RunningStep | undefined> {
  const pipe = stdinHint();
  if (pipe) stderr.note(pipe);
  if (!(await findStore(directory))) {
    warn(`${directory}: there is no store yet; mdtool stream creates one`);
    return undefined;
  }
  const run = await startStep(directory, step, { wait, signal: stopped });
  if (!run) warn(`${directory}: another run is using this store; --wait waits for it`);
  return run;
}
