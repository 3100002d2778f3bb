import { execFileSync } from 'node:child_process';
import { ROOT } from './mdtool.js';

/** Characters of what a failed program printed. */
const LONGEST = 4_000;

/** Runs a program in the root of the repository and returns what it printed; throws with the end of it when it fails. */
export function output(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): string {
  try {
    return execFileSync(program, args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe', maxBuffer: 64e6, ...options });
  } catch (error) {
    // Not as the cause of a new error: it carries all that was printed a second time.
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${`${stdout}${stderr}`.slice(-LONGEST)}`);
  }
}
