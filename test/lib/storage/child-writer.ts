import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');

export type WriterProcess = {
  readonly process: ChildProcess;
  /** Ids of trades whose write has returned. */
  readonly printed: string[];
  readonly stderr: () => string;
  /** Resolves when it has opened the store, or has ended. */
  readonly ready: Promise<void>;
  readonly ended: Promise<number | null>;
};

/** Starts `writer-process.ts` on a store, or another script beside it. */
export function startWriter(
  directory: string,
  options: Readonly<Record<string, unknown>>,
  script = 'writer-process.ts',
  env: Readonly<Record<string, string>> = {},
): WriterProcess {
  const child = spawn(process.execPath, [compiledScript(script), directory, JSON.stringify(options)], {
    env: { ...process.env, ...env },
  });
  const printed: string[] = [];
  let rest = '';
  let errors = '';
  let opened = () => {};
  const ready = new Promise<void>((resolve) => {
    opened = resolve;
  });
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'ready') opened();
      else if (line !== 'closed') printed.push(line);
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => {
    opened();
    return code as number | null;
  });
  return { process: child, printed, stderr: () => errors, ready, ended };
}

let compiled: string | undefined;

/** Types are stripped once per process, which many test files share: a loader would cost every child half a second. */
function compiledScript(name: string): string {
  compiled ??= compile();
  return join(compiled, relative(ROOT, join(import.meta.dirname, name))).replace(/\.ts$/, '.js');
}

function compile(): string {
  // `import` would first read all nine megabytes for the names that they export.
  const ts: typeof import('typescript') = createRequire(import.meta.url)('typescript');
  const cache = join(ROOT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  removeForsaken(cache);
  const output = mkdtempSync(join(cache, `store-process-${process.pid}-`));
  const sources = ['model', 'disk', 'transport', 'bucket', 'candles', 'storage'].flatMap((folder) =>
    (readdirSync(join(ROOT, 'src/lib', folder), { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(ROOT, 'src/lib', folder, name)),
  );
  const entries = ['writer-process.ts', 'compact-process.ts', 'bucket-process.ts'].map((name) => join(import.meta.dirname, name));
  for (const source of [...sources, ...entries]) {
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), { compilerOptions: options });
    const path = join(output, relative(ROOT, source)).replace(/\.ts$/, '.js');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, outputText);
  }
  writeFileSync(join(output, 'package.json'), '{"type":"module"}');
  return output;
}

/** A test process is ended from outside and cannot clean up: what processes that are gone have left is removed by the next. */
function removeForsaken(cache: string): void {
  for (const name of readdirSync(cache)) {
    const [, pid] = /^store-process-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
