import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { FailureError } from '../../model/errors.js';

/** The process that writes a journal. On the same boot of the same host this is enough to see whether it still runs. */
export type Owner = {
  readonly host: string;
  readonly boot: string;
  readonly pid: number;
  /** Start of the process in kernel clock ticks: process ids are reused. */
  readonly start: string;
};

/** An owner on another host or boot counts as gone after this long (milliseconds) without a heartbeat. */
export const OWNER_SILENCE_MS = 5 * 60_000;

/** Returns this process as an owner. */
export function currentOwner(): Owner {
  const { pid } = process;
  return { host: hostname(), boot: bootId(), pid, start: startOf(pid) ?? '' };
}

/**
 * Returns whether an owner is gone: its process has ended on this boot of this host, or its last heartbeat is five
 * minutes old (`silence` in milliseconds). Another host, a reboot and a suspended process all look like silence.
 */
export function isGone(owner: Owner, silence: number, silenceLimit = OWNER_SILENCE_MS): boolean {
  if (silence >= silenceLimit) return true;
  const self = currentOwner();
  if (owner.host !== self.host || owner.boot !== self.boot) return false;
  if (!isRunning(owner.pid)) return true;
  const start = startOf(owner.pid);
  return start !== undefined && owner.start !== '' && start !== owner.start;
}

/** Returns `pid 4711 on host`. */
export function describeOwner(owner: Owner): string {
  return `pid ${owner.pid} on ${owner.host}`;
}

/** Returns the owner that JSON fields describe. Throws a `FailureError` when they do not. */
export function ownerFrom(fields: unknown, what: string): Owner {
  const { host, boot, pid, start } = (fields ?? {}) as Record<string, unknown>;
  if (typeof host !== 'string' || typeof boot !== 'string' || !Number.isInteger(pid) || typeof start !== 'string')
    throw new FailureError(`${what}: expected the host, boot, pid and start of the owner`);
  return { host, boot, pid: pid as number, start };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: a process of another user, which is running.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function bootId(): string {
  return readProc('/proc/sys/kernel/random/boot_id') ?? 'unknown';
}

/** Field 22 of proc(5) stat; the command name in parentheses may hold spaces. A zombie has ended. */
function startOf(pid: number): string | undefined {
  const fields = readProc(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ');
  return fields?.[0] === 'Z' ? 'ended' : fields?.[19];
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
