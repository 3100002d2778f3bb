import { accessSync, constants, readFileSync, type Stats, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';

const REASONS: Readonly<Record<string, string>> = {
  ELOOP: 'too many symbolic links',
  EISDIR: 'it is a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'part of the path is not a directory',
  EROFS: 'the file system is read-only',
  EDQUOT: 'the disk quota is exceeded',
  EMFILE: 'too many open files',
};
/** Reasons that other libraries have in words only. */
const IN_WORDS = { EACCES: /permission denied/i, ENOSPC: /no space left/i };
const DENIED = new Set(['EACCES', 'EPERM']);

/** The system's code for why a file operation failed, undefined for another error. */
export function systemCode(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== undefined && (DENIED.has(code) || code in REASONS)) return code;
  return Object.entries(IN_WORDS).find(([, pattern]) => pattern.test(message ?? ''))?.[0];
}

/**
 * Returns the reason of a failed file operation, without the path and the system call. A permission that is denied names who
 * owns what denies it: `path`, unless the error names one.
 */
export function systemReason(error: unknown, path?: string): string {
  const { message, path: named, dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
  const code = systemCode(error);
  if (code === undefined) return message ?? String(error);
  if (!DENIED.has(code)) return REASONS[code] ?? message;
  const places = [named, dest, path].filter((place) => place !== undefined);
  return `permission denied${places.map(denialAt).find((text) => text !== '') ?? ''}`;
}

/** Returns `: /var/lib/mdtool belongs to mdtool, and you are anna`; empty where nothing on the way to a path denies access. */
function denialAt(path: string): string {
  if (process.getuid === undefined) return '';
  for (let place = resolve(path); ; place = dirname(place)) {
    const facts = factsOf(place);
    // A new file needs the right to write to its directory, and what lies in a directory that cannot be entered has no facts.
    if (facts && isDenied(place)) return ownerText(place, facts);
    if (place === dirname(place)) return '';
    if (facts && place !== resolve(path)) return '';
  }
}

function ownerText(place: string, { uid, mode }: Stats): string {
  if (uid === process.getuid?.()) return `: ${place} is yours, and its mode is ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
  return `: ${place} belongs to ${userName(uid)}, and you are ${userName(process.getuid?.() as number)}`;
}

function factsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function isDenied(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return true;
  }
}

/** Returns the name of a user, `user 10001` where the system has none for it. */
function userName(uid: number): string {
  try {
    if (uid === process.getuid?.()) return userInfo().username;
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((text) => text.split(':')[2] === String(uid));
    if (line) return line.slice(0, line.indexOf(':'));
  } catch {
    // A user without an entry, or a system that keeps its users elsewhere.
  }
  return `user ${uid}`;
}
