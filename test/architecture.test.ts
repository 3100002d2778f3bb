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

/** The circles of imports, each as the files on it: without one, any file can be read after those that it stands on. */
function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file))
      circles.push([...path.slice(path.indexOf(file)), file].map((name) => relative(ROOT, name)).join(' > '));
    if (path.includes(file) || done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return circles;
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
    expect(circlesOf(new Map(sources.map(({ file, text }) => [file, importsOf(file, text)])))).toEqual([]);
  });

  it('sees a circle of imports', () => {
    const [a, b, c] = ['a.ts', 'b.ts', 'c.ts'].map((name) => join(SOURCE, name)) as [string, string, string];
    const texts = new Map([
      [a, "import { b } from './b.js';"],
      [b, "import type { C } from './c.js';"],
      [c, "export * from './b.js';"],
    ]);
    expect(circlesOf(new Map([...texts].map(([file, text]) => [file, importsOf(file, text)])))).toEqual([
      'src/b.ts > src/c.ts > src/b.ts',
    ]);
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
