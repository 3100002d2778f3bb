import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A key by its name, or the character it types. */
export type Key = 'up' | 'down' | 'pageup' | 'pagedown' | 'escape' | 'enter' | 'backspace' | (string & {});

const ESCAPE = '\u001B';

const NAMES: ReadonlyMap<string, Key> = new Map([
  ['\u001B[A', 'up'],
  ['\u001B[B', 'down'],
  ['\u001B[5~', 'pageup'],
  ['\u001B[6~', 'pagedown'],
  ['\u001B', 'escape'],
  ['\r', 'enter'],
  ['\n', 'enter'],
  ['\u007F', 'backspace'],
  ['\b', 'backspace'],
]);
/** A control sequence, or one character. */
const PIECE = new RegExp(`${ESCAPE}(?:\\[[\\d;]*[A-Za-z~])?|[\\s\\S]`, 'g');
const [CTRL_C, CTRL_Z] = ['\u0003', '\u001A'];

/** Returns the keys of what a terminal has sent. */
export function keysIn(text: string): Key[] {
  return [...text.matchAll(PIECE)].map(([piece]) => NAMES.get(piece) ?? piece);
}

/**
 * Calls `onKey` with every key until `stop`. Returns undefined where stdin is no terminal, or that of another process: a
 * background job that changes the mode of its terminal is stopped by the kernel.
 */
export function readKeys(onKey: (key: Key) => void): { stop(): void } | undefined {
  const { stdin } = process;
  if (!stdin.isTTY || !isInForeground()) return undefined;
  const read = (data: Buffer) => {
    for (const key of keysIn(data.toString('utf8'))) {
      if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
      else if (key === CTRL_Z) suspend();
      else onKey(key);
    }
  };
  const suspend = () => {
    stdin.setRawMode(false);
    process.once('SIGCONT', () => stdin.setRawMode(true));
    process.kill(process.pid, 'SIGTSTP');
  };
  stdin.setRawMode(true);
  stdin.on('data', read).resume();
  stdin.unref();
  return {
    stop() {
      stdin.off('data', read).pause();
      stdin.setRawMode(false);
    },
  };
}

function isInForeground(): boolean {
  try {
    const [group, foreground] = process.platform === 'linux' ? groupsOfLinux() : groupsOfPs();
    return group !== undefined && group === foreground;
  } catch {
    return false;
  }
}

/** `pid (name) state parent group session terminal foreground …`; a name may contain spaces. */
function groupsOfLinux(): (string | undefined)[] {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return [fields[2], fields[5]];
}

function groupsOfPs(): (string | undefined)[] {
  return execFileSync('ps', ['-o', 'pgid=,tpgid=', '-p', String(process.pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
}
