import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './mdtool.js';

const TOY = join(ROOT, 'test/support/toy-exchange');
const REGISTRY = 'src/lib/exchanges/registry.ts';

/** The line that registers the toy exchange: the whole difference to the rest of the tree. */
export const REGISTRATION = "export { toy } from './toy/index.js';\n";

/** The toy's files with their lines. */
export const TOY_FILES = readdirSync(TOY).map((name) => ({ name, text: readFileSync(join(TOY, name), 'utf8') }));

/** Builds the command line with the toy exchange into `directory`: what is built, its files, and the line that registers it. */
export function buildWithToy(directory: string): void {
  for (const part of ['package.json', 'bin', 'scripts']) cpSync(join(ROOT, part), join(directory, part), { recursive: true });
  cpSync(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true, filter: (path) => !/\.(?:d\.ts|map)$/.test(path) });
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const target = join(directory, 'dist/lib/exchanges');
  mkdirSync(join(target, 'toy'));
  for (const { name, text } of TOY_FILES) {
    // In its own folder the room is two steps up.
    const moved = text.replaceAll("'../../../src/lib/exchanges/", "'../").replaceAll("'../../../src/lib/", "'../../");
    writeFileSync(join(target, 'toy', name.replace(/\.ts$/, '.js')), transpiled(moved));
  }
  writeFileSync(join(target, 'registry.js'), transpiled(readFileSync(join(ROOT, REGISTRY), 'utf8') + REGISTRATION));
  for (const step of ['bundle', 'manifest']) execFileSync(process.execPath, [join(directory, `scripts/${step}.js`)]);
}

function transpiled(text: string): string {
  const { ES2022 } = ts.ScriptTarget;
  return ts.transpileModule(text, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ES2022 } }).outputText;
}
