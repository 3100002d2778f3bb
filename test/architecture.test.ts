import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const SOURCE = join(ROOT, 'src');

/** Folders by height; code may import from lower ones and from its own folder, never from a sibling or from above. */
const LAYERS = [
  ['model'],
  ['book', 'candles', 'coverage', 'features', 'signals', 'grid', 'backtest'],
  ['exchanges', 'transport', 'storage', 'sinks'],
  ['ingest'],
  ['cli'],
  ['commands'],
];
const HEIGHT = new Map(LAYERS.flatMap((folders, height) => folders.map((folder) => [folder, height] as const)));
const PURE = ['model', 'book', 'candles', 'coverage', 'features', 'signals', 'grid', 'backtest', 'exchanges'];
const FORBIDDEN = /^(?:process|console|performance|setTimeout|setInterval|setImmediate|fetch|crypto|globalThis|Buffer)$/;

const files = (readdirSync(SOURCE, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(SOURCE, name));

function folderOf(file: string): string {
  const parts = relative(SOURCE, file).split(/[\\/]/);
  return parts[0] === 'lib' ? (parts[1] as string) : (parts[0] as string);
}

function exchangeOf(file: string): string | undefined {
  return /exchanges[\\/]([^\\/]+)[\\/]/.exec(file)?.[1];
}

/** A finding per import that points up, sideways, or from one exchange into another. */
function wrongImports(file: string, text: string): string[] {
  const from = folderOf(file);
  const height = HEIGHT.get(from);
  if (height === undefined) return from === 'index.ts' ? [] : [`${relative(ROOT, file)} stands in no layer`];
  const imports = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  return imports.flatMap((name) => {
    if (!name.startsWith('.'))
      return PURE.includes(from) && name.startsWith('node:') ? [`${relative(ROOT, file)} imports ${name}`] : [];
    const target = normalize(join(dirname(file), name));
    const to = folderOf(target);
    const own = exchangeOf(file);
    const other = exchangeOf(target);
    const wrong = to === from ? own !== undefined && other !== undefined && own !== other : (HEIGHT.get(to) ?? 99) >= height;
    return wrong ? [`${relative(ROOT, file)} imports ${name}`] : [];
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

/** What each file imports, or with `layer` each room of it: a folder in it, or a file that stands in none. */
function importGraph(files: readonly { readonly file: string; readonly text: string }[], layer?: string) {
  const graph = new Map<string, Set<string>>();
  const base = layer === undefined ? ROOT : join(SOURCE, 'lib', layer);
  const placeOf = (file: string) =>
    layer === undefined ? relative(base, file) : (relative(base, file).split(/[\\/]/)[0] as string);
  for (const { file, text } of files.filter((one) => one.file.startsWith(base))) {
    const targets = importsOf(file, text).filter((target) => target.startsWith(base));
    const places = graph.get(placeOf(file)) ?? new Set();
    graph.set(placeOf(file), places);
    for (const target of targets) if (layer === undefined || placeOf(target) !== placeOf(file)) places.add(placeOf(target));
  }
  return graph;
}

/** A finding per clock, I/O or source of randomness in code that must be a function of its input. */
function impurities(file: string, text: string): string[] {
  const findings: string[] = [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
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
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
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
    const text = "import { a } from '../ingest/capture.js';\nimport { b } from '../exchanges/exchange.js';";
    expect(wrongImports(join(SOURCE, 'lib/storage/x.ts'), text)).toHaveLength(2);
    expect(wrongImports(join(SOURCE, 'lib/exchanges/bybit/x.ts'), "import '../bitget/index.js';")).toHaveLength(1);
  });

  it('imports go round in no circle', () => {
    expect(circlesOf(importGraph(sources))).toEqual([]);
  });

  it.each(['ingest', 'storage'])('nor do they between the rooms of %s', (layer) => {
    const rooms = importGraph(sources, layer);
    expect(rooms.size).toBeGreaterThan(5);
    expect(circlesOf(rooms)).toEqual([]);
  });

  it('sees a circle of imports', () => {
    const file = (name: string, text: string) => ({ file: join(SOURCE, 'lib/ingest', name), text });
    const files = [
      file('a/one.ts', "import { b } from '../b/one.js';"),
      file('b/one.ts', "import type { C } from '../c.js';\nimport './two.js';"),
      file('b/two.ts', ''),
      file('c.ts', "export * from './b/two.js';"),
    ];
    expect(circlesOf(importGraph(files))).toEqual([]);
    expect(circlesOf(importGraph(files, 'ingest'))).toEqual(['b > c.ts > b']);
    const more = [...files, file('b/two.ts', "import '../a/one.js';")];
    expect(circlesOf(importGraph(more))).toHaveLength(1);
  });

  it('pure code has no clock, no I/O, no randomness', () => {
    const pure = sources.filter(({ file }) => PURE.includes(folderOf(file)));
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
    const long = sources.filter(({ text }) => text.split('\n').length > 300).map(({ file }) => relative(ROOT, file));
    const commands = sources.filter(({ file, text }) => folderOf(file) === 'commands' && text.split('\n').length > 101);
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
