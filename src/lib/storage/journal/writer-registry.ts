import { rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../model/errors.js';
import { createFile, isMissing, storageFailure } from '../files/durable-file.js';
import { currentOwner, describeOwner, isGone } from '../files/owner.js';
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
  await createHeartbeat(heartbeatPath(context, writer));
  const entry: WriterEntry = { step, owner: currentOwner(), claims };
  const gone = await goneWriters(context, silenceLimit);
  await context.log
    .commit((state) => {
      refuseTaken(state, { writer, claims, gone });
      return { at: wallClock(), open: { writer, entry }, close: [...gone].filter((other) => state.writers.has(other)) };
    })
    .catch(async (error) => {
      await rm(heartbeatPath(context, writer), { force: true });
      throw error;
    });
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
  await rm(heartbeatPath(context, writer), { force: true });
}

/** Renews a writer's heartbeat. */
export async function touchHeartbeat(context: StoreContext, writer: string): Promise<void> {
  const path = heartbeatPath(context, writer);
  const now = new Date();
  await utimes(path, now, now).catch(async (error) => {
    if (!isMissing(error)) throw storageFailure(error, 'write', path);
    await createHeartbeat(path);
  });
}

async function createHeartbeat(path: string): Promise<void> {
  try {
    await createFile(path, '');
  } catch (error) {
    throw storageFailure(error, 'write', path);
  }
}

/** Returns the registered writers whose process has ended or whose heartbeat is too old. */
export async function goneWriters(context: StoreContext, silenceLimit?: number): Promise<Set<string>> {
  const gone = new Set<string>();
  for (const [writer, { owner }] of (await context.log.read()).writers) {
    if (isGone(owner, await silenceOf(context, writer), silenceLimit)) gone.add(writer);
  }
  return gone;
}

/** Returns whether a writer is registered in the log. */
export function isRegistered(state: StoreState, writer: string): boolean {
  return state.writers.has(writer);
}

async function silenceOf(context: StoreContext, writer: string): Promise<number> {
  try {
    return Date.now() - (await stat(heartbeatPath(context, writer))).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function heartbeatPath(context: StoreContext, writer: string): string {
  return join(context.paths.state, `${writer}.alive`);
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
