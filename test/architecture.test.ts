import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const SOURCE = join(ROOT, 'src');

/** The rooms from the ground. A room imports from the rooms of earlier lines and from itself, never sideways or upwards. */
const ROOMS = [
  ['model'],
  ['disk'],
  ['redis', 'transport'],
  ['bucket'],
  ['book', 'grid', 'sinks', 'storage', 'exchanges', 'secrets'],
  ['input', 'service'],
  ['tape'],
  ['instruments', 'history', 'candles', 'features', 'account'],
  ['signals', 'capture', 'import'],
  ['verify'],
  ['backtest'],
  ['execution', 'jobs', 'pipeline'],
  ['notify'],
  ['cli'],
  ['commands'],
];
const HEIGHT = new Map(ROOMS.flatMap((rooms, height) => rooms.map((room) => [room, height] as const)));
/** Rooms without clock, I/O and randomness: the first kind throughout, the second outside of `store/`, `study/` and `live/`. */
const PURE = new Set(['model', 'book', 'grid', 'exchanges']);
const PURE_CORES = new Set(['candles', 'features', 'signals', 'verify', 'backtest', 'execution', 'notify']);
const FORBIDDEN = /^(?:process|console|performance|setTimeout|setInterval|setImmediate|fetch|crypto|globalThis|Buffer)$/;

const files = (readdirSync(SOURCE, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(SOURCE, name));

function roomOf(file: string): string {
  const parts = relative(SOURCE, file).split(/[\\/]/);
  return parts[0] === 'lib' ? (parts[1] as string) : (parts[0] as string);
}

function isPure(file: string): boolean {
  const room = roomOf(file);
  return PURE.has(room) || (PURE_CORES.has(room) && !/[\\/](?:store|study|live)[\\/]/.test(file));
}

function exchangeOf(file: string): string | undefined {
  return /lib[\\/]exchanges[\\/]([^\\/]+)[\\/]/.exec(file)?.[1];
}

/** The step that a command's file belongs to: `grid` for all of `grid plan`. */
function stepOf(file: string): string | undefined {
  return /src[\\/]commands[\\/]([^\\/]+)[\\/]/.exec(file)?.[1];
}

/** Returns why one import is wrong, undefined where it is fine. */
function faultOf(file: string, target: string): string | undefined {
  const [from, to] = [roomOf(file), roomOf(target)];
  if (to !== from)
    return (HEIGHT.get(to) ?? 99) >= (HEIGHT.get(from) ?? -1) ? 'points up or sideways' : impureImport(file, target);
  if (exchangeOf(file) && exchangeOf(target) && exchangeOf(file) !== exchangeOf(target)) return 'reaches another exchange';
  if (from === 'commands' && (stepOf(file) !== stepOf(target) || /[\\/]command$/.test(target.replace(/\.[jt]s$/, ''))))
    return 'reaches another command';
  return impureImport(file, target);
}

function impureImport(file: string, target: string): string | undefined {
  return isPure(file) && !isPure(target) ? 'leaves the pure core' : undefined;
}

/** A finding per import that points up or sideways, into another exchange or command, or from pure code to I/O. */
function wrongImports(file: string, text: string): string[] {
  if (!HEIGHT.has(roomOf(file))) return roomOf(file) === 'index.ts' ? [] : [`${relative(ROOT, file)} stands in no room`];
  const imports = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  return imports.flatMap((name) => {
    if (name.startsWith('.')) {
      const fault = faultOf(file, normalize(join(dirname(file), name)));
      return fault ? [`${relative(ROOT, file)} imports ${name}, which ${fault}`] : [];
    }
    const allowed = /import \{ crc32 \} from 'node:zlib'/.test(text) && name === 'node:zlib';
    return isPure(file) && name.startsWith('node:') && !allowed ? [`${relative(ROOT, file)} imports ${name}`] : [];
  });
}

/** The files that a file imports, types too. */
function importsOf(file: string, text: string): string[] {
  const names = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  return names.filter((name) => name.startsWith('.')).map((name) => normalize(join(dirname(file), name)).replace(/\.js$/, '.ts'));
}

/** The circles in who imports whom, each as the names on it: without one, anything can be read after what it stands on. */
function circlesOf(imports: ReadonlyMap<string, Iterable<string>>): string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) circles.push([...path.slice(path.indexOf(name)), name].join(' > '));
    if (path.includes(name) || done.has(name)) return;
    for (const next of imports.get(name) ?? []) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of imports.keys()) visit(name, []);
  return circles;
}

/** What each file imports, or with `room` what each place in it does: a folder of the room, or a file that stands in none. */
function importGraph(files: readonly { readonly file: string; readonly text: string }[], room?: string) {
  const graph = new Map<string, Set<string>>();
  const base = room === undefined ? ROOT : join(SOURCE, room === 'commands' ? '' : 'lib', room);
  const placeOf = (file: string) =>
    room === undefined ? relative(base, file) : (relative(base, file).split(/[\\/]/)[0] as string);
  for (const { file, text } of files.filter((one) => one.file.startsWith(base))) {
    const targets = importsOf(file, text).filter((target) => target.startsWith(base));
    const places = graph.get(placeOf(file)) ?? new Set();
    graph.set(placeOf(file), places);
    for (const target of targets) if (room === undefined || placeOf(target) !== placeOf(file)) places.add(placeOf(target));
  }
  return graph;
}

const trees = new Map<string, ts.SourceFile>();

/** Returns the syntax tree of a text, made once: half of the time of these tests was parsing. */
function treeOf(file: string, text: string): ts.SourceFile {
  const tree = trees.get(text) ?? ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  trees.set(text, tree);
  return tree;
}

/** A finding per clock, I/O or source of randomness in code that must be a function of its input. */
function impurities(file: string, text: string): string[] {
  const findings: string[] = [];
  const source = treeOf(file, text);
  const visit = (node: ts.Node): void => {
    const parent = node.parent;
    const isMember = parent && ts.isPropertyAccessExpression(parent) && parent.name === node;
    const isName = parent && (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) && parent.name === node;
    if (ts.isIdentifier(node) && FORBIDDEN.test(node.text) && !isMember && !isName) findings.push(node.text);
    if (ts.isPropertyAccessExpression(node) && /^(?:Date\.now|Math\.random)$/.test(node.getText())) findings.push(node.getText());
    if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) findings.push('new Date()');
    ts.forEachChild(node, visit);
  };
  visit(source);
  return findings.map((finding) => `${relative(ROOT, file)} uses ${finding}`);
}

/** Functions longer than `most` lines, as `file:line name (lines)`. */
function longFunctions(file: string, text: string, most: number): string[] {
  const source = treeOf(file, text);
  const findings: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
      const lines = source.getLineAndCharacterOfPosition(node.end).line - first + 1;
      if (lines > most) findings.push(`${relative(ROOT, file)}:${first + 1} (${lines} lines)`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return findings;
}

const sources = files.map((file) => ({ file, text: readFileSync(file, 'utf8') }));

describe('architecture', () => {
  it('has sources to check', () => expect(files.length).toBeGreaterThan(20));

  it('imports point down, never sideways', () => {
    expect(sources.flatMap(({ file, text }) => wrongImports(file, text))).toEqual([]);
  });

  it('sees an import that points up or sideways', () => {
    const text = "import { a } from '../capture/session/capture.js';\nimport { b } from '../exchanges/exchange.js';";
    expect(wrongImports(join(SOURCE, 'lib/storage/x.ts'), text)).toHaveLength(2);
    expect(wrongImports(join(SOURCE, 'lib/exchanges/bybit/x.ts'), "import '../bitget/index.js';")).toHaveLength(1);
    expect(wrongImports(join(SOURCE, 'lib/ingest/x.ts'), '')).toHaveLength(1);
  });

  it('sees a command that imports another', () => {
    const wrong = ["import '../query/flags.js';", "import './plan/command.js';"];
    expect(wrong.flatMap((text) => wrongImports(join(SOURCE, 'commands/grid/x.ts'), text))).toHaveLength(2);
    expect(wrongImports(join(SOURCE, 'commands/grid/x.ts'), "import './plan/table.js';")).toEqual([]);
  });

  it('sees pure code that reaches a room with I/O', () => {
    const wrong = ["import './store/batch-candles.js';", "import { readFile } from 'node:fs/promises';"];
    expect(wrong.flatMap((text) => wrongImports(join(SOURCE, 'lib/candles/x.ts'), text))).toHaveLength(2);
    expect(wrongImports(join(SOURCE, 'lib/signals/x.ts'), "import '../features/store/progress.js';")).toHaveLength(1);
    expect(wrongImports(join(SOURCE, 'lib/signals/store/x.ts'), "import '../../features/store/progress.js';")).toEqual([]);
    expect(wrongImports(join(SOURCE, 'lib/book/x.ts'), "import { crc32 } from 'node:zlib';")).toEqual([]);
  });

  it('imports go round in no circle', () => {
    expect(circlesOf(importGraph(sources))).toEqual([]);
  });

  it.each(ROOMS.flat())('nor do they between the folders of %s', (room) => {
    expect(circlesOf(importGraph(sources, room))).toEqual([]);
  });

  it('sees a circle of imports', () => {
    const file = (name: string, text: string) => ({ file: join(SOURCE, 'lib/capture', name), text });
    const files = [
      file('a/one.ts', "import { b } from '../b/one.js';"),
      file('b/one.ts', "import type { C } from '../c.js';\nimport './two.js';"),
      file('b/two.ts', ''),
      file('c.ts', "export * from './b/two.js';"),
    ];
    expect(circlesOf(importGraph(files))).toEqual([]);
    expect(circlesOf(importGraph(files, 'capture'))).toEqual(['b > c.ts > b']);
    const more = [...files, file('b/two.ts', "import '../a/one.js';")];
    expect(circlesOf(importGraph(more))).toHaveLength(1);
  });

  it('pure code has no clock, no I/O, no randomness', () => {
    const pure = sources.filter(({ file }) => isPure(file));
    expect(pure.flatMap(({ file, text }) => impurities(file, text))).toEqual([]);
  });

  it('sees a clock in pure code', () => {
    const text = 'const a = Date.now(); const b = new Date(); console.log(Math.random(), process.env);';
    expect(impurities(join(SOURCE, 'lib/model/x.ts'), text)).toHaveLength(5);
  });

  it('knows an exchange by name in its own folder only', () => {
    const ids = readdirSync(join(SOURCE, 'lib/exchanges'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const literal = new RegExp(`[!=]==?\\s*['"](?:${ids.map(({ name }) => name).join('|')})['"]`);
    const named = sources.filter(({ file, text }) => !exchangeOf(file) && literal.test(text));
    expect(named.map(({ file }) => relative(ROOT, file))).toEqual([]);
  });

  it('keeps files, functions and commands short', () => {
    const long = sources.filter(({ text }) => text.split('\n').length > 400).map(({ file }) => relative(ROOT, file));
    const commands = sources.filter(({ file, text }) => /[\\/]command\.ts$/.test(file) && text.split('\n').length > 120);
    expect(long).toEqual([]);
    expect(commands.map(({ file }) => relative(ROOT, file))).toEqual([]);
    expect(sources.flatMap(({ file, text }) => longFunctions(file, text, 45))).toEqual([]);
  });

  it('has no room for leftovers', () => {
    const rooms = files
      .map((file) => relative(SOURCE, file))
      .filter((name) => /(?:utils?|helpers?|common|manager|misc|handy)\b/i.test(name));
    expect(rooms).toEqual([]);
  });
});
