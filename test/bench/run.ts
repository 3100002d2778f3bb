/**
 * All benches in one run, each row beside its baseline:
 *
 *   npm run bench -- [--part engines|commands] [--only TEXT] [--quick] [--rounds N] [--markdown FILE] [--json FILE]
 *
 * `commands` runs whole processes in turns (mdtool, baseline, mdtool, …) and compares their results first: a row whose
 * results differ ends the run without a speed. What counts is processor time, user and system, of the process and its
 * children; medians. `engines` runs the benches beside this file, which compare and measure within one process, against
 * libraries that are installed here on demand. `--quick` takes a tenth of the data and one round.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeData } from './whole/data.js';
import { type Figures, measured, median, ROOT } from './whole/measure.js';
import { ROWS, type Row } from './whole/rows.js';

const { values } = parseArgs({
  options: {
    part: { type: 'string' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    markdown: { type: 'string' },
    json: { type: 'string' },
  },
});

type CommandResult = Pick<Row, 'name' | 'against' | 'goal'> & {
  readonly mdtool: Figures;
  readonly baseline: Figures;
  readonly ratio: number;
};
/** What a bench of an engine printed; its lines name their goals. */
type EngineResult = { readonly name: string; readonly lines: readonly string[] };

const ENGINES = ['ingest', 'order-book', 'storage', 'candles', 'features', 'backtest'] as const;
/** The arguments of a quick run, where a bench takes any. */
const QUICK: Partial<Record<(typeof ENGINES)[number], readonly string[]>> = {
  storage: ['200'],
  candles: ['500000'],
  backtest: ['bars', 'grid'],
};

const isWanted = (name: string) => values.only === undefined || name.includes(values.only);

function runEngines(): EngineResult[] {
  if (!existsSync(join(import.meta.dirname, 'node_modules')))
    spawnSync('npm', ['ci', '--prefix', import.meta.dirname, '--ignore-scripts'], { stdio: ['ignore', 2, 2] });
  return ENGINES.filter(isWanted).map((name) => {
    const command = [
      '--import',
      'tsx',
      join(import.meta.dirname, `${name}.bench.ts`),
      ...(values.quick ? (QUICK[name] ?? []) : []),
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr.slice(-2000)}`);
    return { name, lines: stdout.trim().split('\n') };
  });
}

async function runCommands(folder: string): Promise<CommandResult[]> {
  const rows = ROWS.filter(({ name }) => isWanted(name)).filter(({ name, missing }) => {
    const reason = missing?.();
    if (reason !== undefined) console.error(`${name}: left out, ${reason}`);
    return reason === undefined;
  });
  if (rows.length === 0) return [];
  await writeData(folder, values.quick ? 'quick' : 'full');
  // The query asks a store; an empty directory is one.
  spawnSync('mkdir', ['-p', join(folder, 'data')]);
  const results: CommandResult[] = [];
  for (const row of rows) {
    const result = await runRow(row, folder);
    results.push(result);
    console.error(`${row.name}: ${result.ratio.toFixed(2)} × (goal ${row.goal})`);
  }
  return results;
}

async function runRow(row: Row, folder: string): Promise<CommandResult> {
  row.setup?.(folder);
  const turn = () => {
    row.reset?.(folder);
    return { mdtool: measured(row.mdtool, folder), baseline: measured(row.baseline, folder) };
  };
  // The first turn warms the files and is compared; it does not count.
  const first = turn();
  await row.compare?.({ mdtool: first.mdtool.stdout, baseline: first.baseline.stdout, folder });
  const turns = Array.from({ length: Number(values.rounds ?? (values.quick ? 1 : 5)) }, turn);
  const [own, their] = [median(turns.map(({ mdtool }) => mdtool)), median(turns.map(({ baseline }) => baseline))];
  const { name, against, goal } = row;
  return { name, against, goal, mdtool: own, baseline: their, ratio: own.cpu / their.cpu };
}

function markdownOf(commands: readonly CommandResult[], engines: readonly EngineResult[]): string {
  const figures = ({ cpu, wall, rss }: Figures) => `${cpu.toFixed(2)} s | ${wall.toFixed(2)} s | ${rss.toFixed(0)} MB`;
  const rows = commands.map(({ name, against, goal, mdtool, baseline, ratio }) => {
    return `| ${name} | ${figures(mdtool)} | ${against} | ${figures(baseline)} | ${ratio.toFixed(2)} × | ${goal} × |`;
  });
  const head = ['| job | mdtool, CPU | wall | memory | against | CPU | wall | memory | ratio | goal |', `|${'---|'.repeat(10)}`];
  const parts = engines.flatMap(({ name, lines }) => ['', `### ${name}`, '', '```', ...lines, '```']);
  return `${[...(rows.length > 0 ? [...head, ...rows] : []), ...parts].join('\n')}\n`;
}

const folder = mkdtempSync(join(tmpdir(), 'mdtool-bench-'));
try {
  const commands = values.part === 'engines' ? [] : await runCommands(folder);
  const engines = values.part === 'commands' ? [] : runEngines();
  const machine = { node: process.version, processors: cpus().length, load: loadavg().map((value) => Number(value.toFixed(1))) };
  const markdown = markdownOf(commands, engines);
  console.log(`node ${machine.node}, ${machine.processors} processors, load ${machine.load.join(' ')}\n\n${markdown}`);
  if (values.markdown !== undefined) writeFileSync(values.markdown, markdown);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ machine, commands, engines }, undefined, 2));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
