import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../support/mdtool.js';
import { playEverything } from './everything/everything.js';
import { tableOf } from './everything/table.js';

const USAGE = `usage: npm run soak -- --hours N [--seed N] [--keep]    everything at once for N hours, then a table
       npm run soak -- [FILES…]                     the full numbers behind what the suite samples`;

/** Runs the soak files as vitest does, with the same arguments. */
async function runFiles(args: readonly string[]): Promise<number> {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--config', 'vitest.soak.config.ts', ...args], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

async function runEverything(args: readonly string[]): Promise<number> {
  const options = { hours: { type: 'string' }, seed: { type: 'string', default: '1' }, keep: { type: 'boolean' } } as const;
  const { hours: text, seed, keep } = parseArgs({ args: [...args], options }).values;
  const hours = Number(text);
  if (!(hours > 0) || !Number.isInteger(Number(seed))) throw new Error(USAGE);
  const folder = mkdtempSync(join(tmpdir(), 'everything-'));
  const say = (line: string) => console.error(`${new Date().toISOString()} ${line}`);
  say(`${hours} h in ${folder}`);
  const outcome = await playEverything({ hours, seed: Number(seed), folder, say });
  console.log(tableOf(outcome));
  if (!keep && outcome.failures.length === 0) rmSync(folder, { recursive: true, force: true });
  else say(`everything that was written stays in ${folder}`);
  return outcome.failures.length === 0 ? 0 : 1;
}

const args = process.argv.slice(2);
const isEverything = args.some((arg) => arg.startsWith('--hours'));
// What still listens or waits belongs to processes that were stopped.
(isEverything ? runEverything(args) : runFiles(args)).then(
  (code) => process.exit(code),
  (error: Error) => {
    console.error(error.stack);
    process.exit(2);
  },
);
