import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { FailureError } from '../../model/errors.js';

/** The process that writes a journal: enough to tell, on the same boot of the same host, whether it still runs. */
export type Owner = {
  readonly host: string;
  readonly boot: string;
  readonly pid: number;
  /** When the process started, in the clock ticks of the kernel: process ids are used again. */
  readonly start: string;
};

/** Without a sign of life for this long (milliseconds) an owner that cannot be asked counts as gone. */
export const OWNER_SILENCE_MS = 5 * 60_000;

/** Returns who this process is. */
export function currentOwner(): Owner {
  const { pid } = process;
  return { host: hostname(), boot: bootId(), pid, start: startOf(pid) ?? '' };
}

/**
 * Returns whether an owner is gone: its process has ended on this boot of this host, or nothing has been heard of it
 * for five minutes (`silence` in milliseconds), be it on another host, before a reboot or suspended.
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
    throw new FailureError(`${what}: expected the owner's host, boot, pid and start`);
  return { host, boot, pid: pid as number, start };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process runs as well.
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
