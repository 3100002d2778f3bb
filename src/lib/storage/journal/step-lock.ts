import { randomBytes } from 'node:crypto';
import { SerialQueue } from '../files/serial-queue.js';
import { openStoreDirectory, type StorePaths } from '../files/store-directory.js';
import { openStoreContext, type StoreContext } from '../log/store-context.js';
import { ClaimedError, registerWriter, touchHeartbeat, unregisterWriter } from './writer-registry.js';

const RETRY_EVERY_MS = 500;

/** A run of a step that holds the step's lock on a store. */
export type RunningStep = { readonly context: StoreContext; release(): Promise<void> };

type StepLockOptions = {
  /** Wait until the current run has ended. */
  readonly wait: boolean;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Returns the store in `directory` for a step that must not run twice at the same time, undefined when another run holds
 * the lock. A run that was killed does not block the next one. Throws as `openStoreDirectory`.
 */
export async function startStep(directory: string, step: string, options: StepLockOptions): Promise<RunningStep | undefined> {
  return await lockStep(await openStoreDirectory(directory), step, options);
}

/** As `startStep`, for a step that leaves the store as it is, also in an older format. */
export async function lockStep(paths: StorePaths, step: string, options: StepLockOptions): Promise<RunningStep | undefined> {
  const context = openStoreContext(paths);
  const id = `${step}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const claim = { exchange: '*', market: '*', channel: `step ${step}`, symbols: 'all' } as const;
  while (!(await isGranted(registerWriter(context, id, step, [claim])))) {
    if (!options.wait || options.signal?.aborted) return undefined;
    await new Promise((resolve) => setTimeout(resolve, RETRY_EVERY_MS));
  }
  const beats = new SerialQueue();
  const timer = setInterval(
    () => void beats.run(() => touchHeartbeat(context, id)).catch(() => {}),
    paths.files.heartbeats.everyMs,
  );
  return {
    context,
    async release() {
      clearInterval(timer);
      await beats.idle();
      await unregisterWriter(context, id);
    },
  };
}

async function isGranted(registration: Promise<void>): Promise<boolean> {
  try {
    await registration;
    return true;
  } catch (error) {
    if (error instanceof ClaimedError) return false;
    throw error;
  }
}
