import { setTimeout as wait } from 'node:timers/promises';
import { EXIT, MdtoolError } from '../model/errors.js';

/** Ctrl-C stops all steps of a pipeline at once. Records in flight from the step before arrive within this time. */
const LONGEST_INPUT_MS = 5_000;

/** Returns a signal that stops a step 5 s after `stopped`: until then it can read stdin to its end. */
export function afterInput(stopped: AbortSignal): AbortSignal {
  const controller = new AbortController();
  stopped.addEventListener('abort', () => setTimeout(() => controller.abort(), LONGEST_INPUT_MS).unref(), { once: true });
  return controller.signal;
}

/** Resolves after the milliseconds, at once when the signal is aborted. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, { signal }).catch(() => {});
}

/** Yields the items until the signal is aborted, without waiting for a pending one. */
export async function* untilStopped<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  const stopped = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  for (;;) {
    const next = await Promise.race([iterator.next(), stopped]);
    if (next === undefined || next.done) return;
    yield next.value;
  }
}

/** Thrown by a step that is stopped amid its files or its store: what it made of a part would be taken for the whole. */
export class StoppedError extends MdtoolError {
  constructor() {
    super('stopped before all input was read; run it again for the whole result', EXIT.incomplete);
  }
}

/** Yields the items, and throws a `StoppedError` when the signal comes before their end. */
export async function* wholeUnlessStopped<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  yield* untilStopped(items, signal);
  if (signal.aborted) throw new StoppedError();
}
