import type { Manifest, ManifestCommand, ManifestFlag } from '../manifest.js';

/** Values by the name of what takes them: a flag, or an argument with its command (`query sql`). */
export type Values = (name: string, words: readonly string[]) => Promise<readonly string[] | undefined>;

/** What the shell does beside the candidates. The numbers are those that its script expects. */
export const DIRECTIVE = { files: 0, noSpace: 2, noFiles: 4, directories: 16 } as const;

/** Candidates for one word with their descriptions, and what else the shell offers. */
type Completion = { readonly candidates: readonly (readonly [word: string, about: string])[]; readonly directive: number };

const FILES: Completion = { candidates: [], directive: DIRECTIVE.files };
const NOTHING: Completion = { candidates: [], directive: DIRECTIVE.noFiles };
/** Flags that take the name of a directory. */
const DIRECTORIES: ReadonlySet<string> = new Set(['store', 'store-cache']);

/**
 * Returns the candidates for the last of `words`, which is what is typed after `mdtool`. Of a comma list the last part is
 * completed. Where a flag or an argument takes anything, the shell completes file names.
 */
export async function complete(words: readonly string[], manifest: Manifest, values: Values): Promise<Completion> {
  const word = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = commandOf(before, manifest);
  const [, named, typed] = /^(--[\w-]+=)(.*)$/s.exec(word) ?? [];
  if (named !== undefined && typed !== undefined)
    return await valuesOf(flagOf(command, named.slice(0, -1)), typed, { words, values, prefix: named });
  if (word.startsWith('-')) return flagsOf(command, word);
  const flag = flagOf(command, before.at(-1) ?? '');
  if (flag?.type === 'option') return await valuesOf(flag, word, { words, values, prefix: '' });
  return await positional(word, command, { before, manifest, words, values });
}

/** Returns the command that the words name, the longest one. */
function commandOf(words: readonly string[], { commands }: Manifest): ManifestCommand | undefined {
  const names = namesIn(words);
  for (let count = names.length; count > 0; count--) {
    const command = commands[names.slice(0, count).join(':')];
    if (command !== undefined) return command;
  }
  return undefined;
}

/** Returns the words before the first flag: names of topics and commands, and arguments. */
function namesIn(words: readonly string[]): readonly string[] {
  const flag = words.findIndex((word) => word.startsWith('-'));
  return flag < 0 ? words : words.slice(0, flag);
}

function flagOf(command: ManifestCommand | undefined, word: string): ManifestFlag | undefined {
  const flags = Object.values(command?.flags ?? {});
  if (word.startsWith('--')) return flags.find(({ name }) => name === word.slice(2));
  return /^-\w$/.test(word) ? flags.find(({ char }) => char === word[1]) : undefined;
}

function flagsOf(command: ManifestCommand | undefined, word: string): Completion {
  const flags = Object.values(command?.flags ?? {}).map(({ name, summary = '' }) => [`--${name}`, summary] as const);
  const all = [...flags, ['--help', 'Show help.'] as const];
  return { candidates: all.filter(([name]) => name.startsWith(word)), directive: DIRECTIVE.noFiles };
}

type Context = { readonly words: readonly string[]; readonly values: Values };

async function valuesOf(
  flag: ManifestFlag | undefined,
  typed: string,
  { words, values, prefix }: Context & { readonly prefix: string },
): Promise<Completion> {
  if (flag?.type !== 'option') return NOTHING;
  const known = await values(flag.name, words);
  const options = flag.options ?? known;
  if (options === undefined)
    return { candidates: [], directive: DIRECTORIES.has(flag.name) ? DIRECTIVE.directories : DIRECTIVE.files };
  // `known` values may stand in a list, `options` not.
  const comma = flag.options === undefined ? typed.lastIndexOf(',') + 1 : 0;
  const [head, part] = [typed.slice(0, comma), typed.slice(comma)];
  const taken = new Set(head.split(','));
  const fitting = options.filter((value) => value.toLowerCase().startsWith(part.toLowerCase()) && !taken.has(value));
  return { candidates: fitting.map((value) => [`${prefix}${head}${value}`, ''] as const), directive: DIRECTIVE.noFiles };
}

async function positional(
  word: string,
  command: ManifestCommand | undefined,
  { before, manifest, words, values }: Context & { readonly before: readonly string[]; readonly manifest: Manifest },
): Promise<Completion> {
  const names = before[0] === 'help' ? namesIn(before).slice(1) : namesIn(before);
  const isStill = names.length === before.length - (before[0] === 'help' ? 1 : 0);
  const next = isStill ? nextNames(names, word, manifest) : [];
  if (command === undefined) return { candidates: next, directive: DIRECTIVE.noFiles };
  const [argument] = Object.keys(command.args ?? {});
  // A name that nobody has begun to type would hide the files that the command takes.
  if (next.length > 0 && (word !== '' || argument === undefined)) return { candidates: next, directive: DIRECTIVE.files };
  if (argument === undefined) return NOTHING;
  const known = await values(`${command.id} ${argument}`, words);
  if (known === undefined) return FILES;
  const fitting = known.filter((value) => value.startsWith(word));
  return { candidates: fitting.map((value) => [value, ''] as const), directive: DIRECTIVE.files };
}

/** Returns the names that can follow these: `plan` after `grid`. */
function nextNames(names: readonly string[], word: string, { commands }: Manifest): (readonly [string, string])[] {
  const found = new Map<string, string>();
  for (const { id, summary = '', hidden } of Object.values(commands)) {
    const parts = id.split(':');
    const next = parts[names.length];
    if (hidden || next === undefined || !next.startsWith(word) || names.some((name, index) => parts[index] !== name)) continue;
    found.set(next, parts.length === names.length + 1 ? summary : (found.get(next) ?? ''));
  }
  if (names.length === 0 && 'help'.startsWith(word)) found.set('help', 'Show help for a command.');
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}
