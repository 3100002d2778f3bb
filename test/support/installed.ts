import { spawnSync } from 'node:child_process';

/**
 * Returns whether a program that some tests need is installed. Where it is not, those tests are skipped, and it is said
 * which; in CI (environment `CI`) they must run: there it throws.
 */
export function isInstalled(program: string, tests: string): boolean {
  if (spawnSync(program, ['--version']).status === 0) return true;
  const missing = `${tests} need ${program}, which is not installed: apt-get install ${program}`;
  if (process.env.CI) throw new Error(`${missing}; in CI they must run`);
  console.error(`\nSKIPPED: ${missing}\n`);
  return false;
}
