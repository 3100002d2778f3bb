import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const METER = pathToFileURL(join(import.meta.dirname, 'meter.mjs')).href;

/** What one run took: processor time of the process and its children in seconds, peak memory of the largest in MB. */
export type Figures = { readonly cpu: number; readonly wall: number; readonly rss: number };

/** A command line without its program: Node, or for a script in Python that which `PYTHON` names. */
export type NodeCommand = readonly string[];

export const mdtool = (...args: string[]): NodeCommand => [join(ROOT, 'bin/run.js'), ...args];
export const baseline = (name: string, ...args: string[]): NodeCommand => [
  join(import.meta.dirname, 'baselines', `${name}.mjs`),
  ...args,
];

const PYTHON = process.env.PYTHON ?? 'python3';

/** Returns why scripts that need pandas cannot run, undefined where they can. */
export function whyNoPandas(): string | undefined {
  const { status } = spawnSync(PYTHON, ['-c', 'import pandas']);
  return status === 0 ? undefined : `${PYTHON} has no pandas; name one that has it by PYTHON`;
}

/** Runs a command in `folder` and returns what it took, and its stdout. Throws when it fails. */
export function measured(command: NodeCommand, folder: string): Figures & { readonly stdout: string } {
  const meter = mkdtempSync(join(tmpdir(), 'bench-meter-'));
  try {
    const begun = performance.now();
    const { status, stdout, stderr } = spawnSync(command[0]?.endsWith('.py') ? PYTHON : process.execPath, command, {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      env: { ...process.env, NODE_OPTIONS: `--import ${METER}`, BENCH_METER: meter, MDTOOL_STORE: join(folder, 'data') },
    });
    const wall = (performance.now() - begun) / 1000;
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr.slice(-2000)}`);
    const parts = readdirSync(meter).map((name) => JSON.parse(readFileSync(join(meter, name), 'utf8')) as Figures);
    const cpu = parts.reduce((sum, part) => sum + part.cpu, 0);
    return { cpu, wall, rss: Math.max(...parts.map(({ rss }) => rss)), stdout };
  } finally {
    rmSync(meter, { recursive: true });
  }
}

/** Returns the median of each figure. */
export function median(runs: readonly Figures[]): Figures {
  const of = (key: keyof Figures) => runs.map((run) => run[key]).sort((a, b) => a - b)[runs.length >> 1] as number;
  return { cpu: of('cpu'), wall: of('wall'), rss: of('rss') };
}
