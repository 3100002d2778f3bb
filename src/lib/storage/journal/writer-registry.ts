import { rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../model/errors.js';
import { createFile, isMissing, storageFailure } from '../files/durable-file.js';
import { currentOwner, describeOwner, isGone } from '../files/owner.js';
import { type StoreContext, wallClock } from '../log/store-context.js';
import type { Claim, StoreState, WriterEntry } from '../log/store-state.js';

/** A claim that cannot be granted because a living writer has it. */
export class ClaimedError extends UsageError {}

/**
 * Enters a writer into the store's log and with it what it captures. Entries of writers that are gone are removed.
 * Throws a `ClaimedError` that names the other writer when a living one captures some of the same.
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

/** Lets a writer that is entered capture more. Throws a `ClaimedError` when another living one captures some of that. */
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
    // One that others have taken for gone enters itself again, with all that it claims, before it writes on.
    return entry && { at: wallClock(), open: { writer, entry: { ...entry, claims: [...entry.claims, ...claims] } } };
  });
}

type Wanted = { readonly writer: string; readonly claims: readonly Claim[]; readonly gone: ReadonlySet<string> };

function refuseTaken(state: StoreState, { writer, claims, gone }: Wanted): void {
  for (const [other, { step, owner, claims: taken }] of state.writers) {
    const conflict = other === writer || gone.has(other) ? undefined : overlap(claims, taken);
    if (conflict)
      throw new ClaimedError(
        `${conflict} is being captured already by "${step}" (${describeOwner(owner)}): stop it, or choose other symbols`,
      );
  }
}

/** Removes a writer's entry; what it captured may be captured by others. */
export async function unregisterWriter(context: StoreContext, writer: string): Promise<void> {
  await context.log.commit((state) => (state.writers.has(writer) ? { at: wallClock(), close: [writer] } : undefined));
  await rm(heartbeatPath(context, writer), { force: true });
}

/** Tells others that a writer lives. */
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

/** Returns the writers of the log whose process has ended or has been silent for too long. */
export async function goneWriters(context: StoreContext, silenceLimit?: number): Promise<Set<string>> {
  const gone = new Set<string>();
  for (const [writer, { owner }] of (await context.log.read()).writers) {
    if (isGone(owner, await silenceOf(context, writer), silenceLimit)) gone.add(writer);
  }
  return gone;
}

/** Returns whether a writer is entered in the log. */
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

/** Returns what two lists of claims have in common, in words. */
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
