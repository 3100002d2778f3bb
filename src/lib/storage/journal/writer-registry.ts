import { join } from 'node:path';
import { BucketError } from '../../bucket/bucket-error.js';
import { UsageError } from '../../model/errors.js';
import { storageFailure } from '../files/durable-file.js';
import { currentOwner, describeOwner, isGone } from '../files/owner.js';
import type { StorePaths } from '../files/store-directory.js';
import type { Standing } from '../files/store-files.js';
import { type StoreContext, wallClock } from '../log/store-context.js';
import type { Claim, StoreState, WriterEntry } from '../log/store-state.js';

/** A claim that another running writer already holds. */
export class ClaimedError extends UsageError {}

/**
 * Registers a writer and its claims in the store's log, and removes the entries of writers that are gone. Throws a
 * `ClaimedError` that names the other writer when a running one already holds one of the claims.
 *
 * Two captures of one symbol would store each of its records twice, with different arrival times. The claims are checked
 * inside the commit: of two writers that register at the same moment, the second decides on a state with the first in it.
 */
export async function registerWriter(
  context: StoreContext,
  writer: string,
  step: string,
  claims: readonly Claim[],
  silenceLimit?: number,
): Promise<void> {
  await beginHeartbeat(context, writer);
  const entry: WriterEntry = { step, owner: currentOwner(), claims };
  const gone = await goneWriters(context, silenceLimit);
  await context.log
    .commit((state) => {
      refuseTaken(state, { writer, claims, gone });
      return { at: wallClock(), open: { writer, entry }, close: [...gone].filter((other) => state.writers.has(other)) };
    })
    .catch(async (error) => {
      await endHeartbeat(context, writer).catch(() => {});
      throw error;
    });
  // A writer that was suspended and goes on must notice that its claims are free.
  for (const other of gone) await endHeartbeat(context, other);
}

/** Adds claims to a registered writer. Throws a `ClaimedError` when another running writer holds one of them. */
export async function claimMore(
  context: StoreContext,
  writer: string,
  claims: readonly Claim[],
  silenceLimit?: number,
): Promise<void> {
  const gone = await goneWriters(context, silenceLimit);
  await context.log.commit((state) => {
    refuseTaken(state, { writer, claims, gone });
    const entry = state.writers.get(writer);
    // A writer that was removed as gone registers again with all its claims before its next write.
    return entry && { at: wallClock(), open: { writer, entry: { ...entry, claims: [...entry.claims, ...claims] } } };
  });
}

type Wanted = { readonly writer: string; readonly claims: readonly Claim[]; readonly gone: ReadonlySet<string> };

function refuseTaken(state: StoreState, { writer, claims, gone }: Wanted): void {
  for (const [other, { step, owner, claims: taken }] of state.writers) {
    const conflict = other === writer || gone.has(other) ? undefined : overlap(claims, taken);
    if (conflict)
      throw new ClaimedError(
        `${conflict} is already being captured by "${step}" (${describeOwner(owner)}); stop that run or choose other symbols`,
      );
  }
}

/** Removes a writer's entry: its claims are free for others. */
export async function unregisterWriter(context: StoreContext, writer: string): Promise<void> {
  await context.log.commit((state) => (state.writers.has(writer) ? { at: wallClock(), close: [writer] } : undefined));
  await endHeartbeat(context, writer);
}

/** Renews a writer's heartbeat. Returns whether it still holds its claims, as far as that is known. */
export async function touchHeartbeat({ paths }: StoreContext, writer: string): Promise<Standing> {
  const path = heartbeatPath(paths, writer);
  try {
    return await paths.files.heartbeats.renew(path);
  } catch (error) {
    throw storageFailure(error, 'write', path);
  }
}

/** A log that does not answer within this (milliseconds) is asked again by the next heartbeat. */
const PATIENCE_MS = 5_000;

/**
 * Returns whether a writer still holds its claims: another process may have removed it as gone while it was suspended.
 *
 * A bucket may be away for minutes. A capture that waited for it would lose what arrives meanwhile; so without an answer the
 * writer goes on, and sealing drops records that another one stored as well.
 */
export async function isHolding({ paths, log }: StoreContext, writer: string): Promise<boolean> {
  const standing = paths.files.heartbeats.standing(heartbeatPath(paths, writer));
  if (standing !== 'unknown') return standing === 'held';
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), PATIENCE_MS);
  });
  try {
    return await Promise.race([log.read().then(({ writers }) => writers.has(writer)), late]);
  } catch (error) {
    if (error instanceof BucketError && error.isOutage) return true;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function beginHeartbeat({ paths }: StoreContext, writer: string): Promise<void> {
  const path = heartbeatPath(paths, writer);
  try {
    await paths.files.heartbeats.begin(path);
  } catch (error) {
    throw storageFailure(error, 'write', path);
  }
}

function endHeartbeat({ paths }: StoreContext, writer: string): Promise<void> {
  return paths.files.heartbeats.end(heartbeatPath(paths, writer));
}

/** Returns the registered writers whose process has ended or whose heartbeat is too old. */
export async function goneWriters(context: StoreContext, silenceLimit?: number): Promise<Set<string>> {
  const { heartbeats } = context.paths.files;
  const gone = new Set<string>();
  for (const [writer, { owner }] of (await context.log.read()).writers) {
    const silence = await heartbeats.silence(heartbeatPath(context.paths, writer));
    if (isGone(owner, silence, silenceLimit ?? heartbeats.silenceMs)) gone.add(writer);
  }
  return gone;
}

function heartbeatPath({ state }: StorePaths, writer: string): string {
  return join(state, `${writer}.alive`);
}

/** Returns the first common claim of two lists as text, `bybit linear trade BTCUSDT`; undefined without one. */
function overlap(wanted: readonly Claim[], taken: readonly Claim[]): string | undefined {
  for (const a of wanted) {
    for (const b of taken) {
      if (a.exchange !== b.exchange || a.market !== b.market || a.channel !== b.channel) continue;
      const symbol = sharedSymbol(a.symbols, b.symbols);
      if (symbol !== undefined) return `${a.exchange} ${a.market} ${a.channel} ${symbol}`.trim();
    }
  }
  return undefined;
}

function sharedSymbol(a: Claim['symbols'], b: Claim['symbols']): string | undefined {
  if (a === 'all') return b === 'all' ? '(all symbols)' : b[0];
  if (b === 'all') return a[0];
  const taken = new Set(b);
  return a.find((symbol) => taken.has(symbol));
}
