import { commandLines, definitionList, GLOBAL_GROUP, OUTPUT_GROUP, paragraphs } from './help-layout.js';
import type { Manifest, ManifestArgument, ManifestCommand, ManifestFlag, Program } from './manifest.js';

/** The subject of `mdtool help` that explains the global flags and the kinds of values. */
const FLAGS_TOPIC = 'flags';
const LONGEST_LINE = 120;
const INDENT = '  ';
const CONTINUED = '    ';

/** The placeholders of flags and what a user may write in their place. */
const VALUES: readonly (readonly [string, string])[] = [
  ['LIST', 'values separated by commas (`BTCUSDT,ETHUSDT`)'],
  ['CHOICE', 'one of the values listed for the flag'],
  ['DURATION', '`100ms`, `1s`, `5m`, `1h`, `7d`, `1w`'],
  ['TIME', 'ISO 8601 (`2026-02-01T12:00:00Z`), an epoch, or a duration ago (`1d`, `90m`)'],
  ['PERCENT', '`2%`, or the fraction `0.02`'],
  ['N', 'a number'],
  ['FILE, FILES', 'a path; lists and globs where several files are read; `-` is stdin'],
  ['DEST', '`-` (stdout), `store`, `redis://…`, or a file (.ndjson, .csv, .parquet, .duckdb)'],
];

const SETTINGS =
  'A flag can also be set in the environment (MDTOOL_LOG_LEVEL=debug) or in mdtool.toml (log_level = "debug"). A flag overrides the environment, and the environment overrides the file.';

type HelpOptions = {
  readonly manifest: Manifest;
  readonly program: Program;
  /** Columns of the terminal. */
  readonly width: number;
  /** Returns the title of a section, bold on a terminal. */
  readonly heading: (title: string) => string;
};

/** The pages of help: short usage, groups in sentence case, each default in one style. */
export class HelpPages {
  readonly #options: HelpOptions;
  readonly #bin: string;
  readonly #width: number;
  /** By their names, with blanks between the words. */
  readonly #commands: ReadonlyMap<string, ManifestCommand>;

  constructor(options: HelpOptions) {
    this.#options = options;
    this.#bin = options.program.oclif.bin;
    this.#width = Math.min(options.width, LONGEST_LINE) - INDENT.length;
    const shown = Object.values(options.manifest.commands).filter(({ hidden }) => !hidden);
    const named = shown.map((command) => [nameOf(command), command] as const);
    this.#commands = new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What there is help on, besides mdtool itself. */
  get subjects(): string[] {
    return [...this.#commands.keys(), ...this.#topics, FLAGS_TOPIC];
  }

  /** Returns the page on some words of a command line; behind a command they are its arguments. Undefined where there is none. */
  page(words: readonly string[]): string | undefined {
    const name = words.join(' ');
    if (name === '') return this.#root();
    if (name === FLAGS_TOPIC) return this.#flags();
    if (this.#topics.includes(name)) return this.#topic(name);
    const command = words
      .map((_, index) => this.#commands.get(words.slice(0, words.length - index).join(' ')))
      .find((found) => found !== undefined);
    return command && this.#command(command);
  }

  /** Names that are no commands and hold some. */
  get #topics(): string[] {
    return Object.keys(this.#options.program.oclif.topics);
  }

  /** Summary, usage and examples first, so that they stand on the first screen. */
  #command(command: ManifestCommand): string {
    const flags = Object.values(command.flags).filter(({ hidden }) => !hidden);
    const args = Object.values(command.args ?? {}).filter(({ hidden }) => !hidden);
    const isGlobal = ({ helpGroup }: ManifestFlag) => helpGroup === GLOBAL_GROUP;
    return joined([
      this.#summary(command),
      this.#section('Usage', [`$ ${this.#usage(command, args, flags)}`]),
      this.#section('Examples', this.#examples(command)),
      this.#section('Arguments', definitionList(args.map(argumentRow), this.#width)),
      ...groupsOf(flags).map(([title, rows]) => this.#section(title, definitionList(rows.map(flagRow), this.#width))),
      flags.some(isGlobal)
        ? `Global flags (--json, --quiet, --config, --log-level, …): see ${this.#bin} help ${FLAGS_TOPIC}`
        : '',
      this.#section('Details', this.#details(command, flags)),
      this.#list(this.#membersOf(nameOf(command))),
    ]);
  }

  #usage(command: ManifestCommand, args: readonly ManifestArgument[], flags: readonly ManifestFlag[]): string {
    const required = flags.filter(({ required }) => required).map((flag) => labelOf(flag));
    return [this.#bin, nameOf(command), ...args.map((arg) => argumentRow(arg)[0]), ...required, '[flags]'].join(' ');
  }

  #examples(command: ManifestCommand): string[] {
    return (command.examples ?? []).flatMap((example) => {
      const { description = '', command: line } = typeof example === 'string' ? { command: example } : example;
      const [first = '', ...more] = commandLines(this.#filledIn(line, command), this.#width - CONTINUED.length);
      const comment = paragraphs(description, this.#width - 2).filter((text) => text !== '');
      return [...comment.map((text) => `# ${text}`), `$ ${first}`, ...more.map((part) => CONTINUED + part)];
    });
  }

  #details(command: ManifestCommand, flags: readonly ManifestFlag[]): string[] {
    const explained = flags.filter(({ summary, description }) => summary && description);
    const texts = [command.description ?? '', ...explained.map(({ name, description }) => `--${name}: ${description}`)];
    return texts
      .filter((text) => text !== '')
      .flatMap((text, index) => [...(index ? [''] : []), ...paragraphs(this.#filledIn(text, command), this.#width)]);
  }

  #root(): string {
    const { description } = this.#options.program;
    return joined([
      paragraphs(description, this.#width).join('\n'),
      this.#section('Usage', [`$ ${this.#bin} COMMAND [INPUT...] [flags]`]),
      this.#list(this.#listed()),
      `More: ${this.#bin} COMMAND --help, and ${this.#bin} help ${FLAGS_TOPIC} for flags and values`,
    ]);
  }

  /** The commands; those of a topic as one row, so that the list stays on one screen. */
  #listed(): [string, string][] {
    const topics = this.#topics;
    const others = [...this.#commands].filter(([name]) => !topics.some((topic) => name.startsWith(`${topic} `)));
    const rows = topics.map((topic): [string, string] => {
      const names = this.#membersOf(topic).map(([name]) => name.slice(topic.length + 1));
      return [topic, `${this.#about(topic)}: ${names.join(', ')}.`];
    });
    const own = others.map(([name, command]): [string, string] => [name, this.#summary(command)]);
    const help: [string, string] = ['help', `Display help for ${this.#bin}.`];
    return [...own, ...rows, help].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #topic(name: string): string {
    return joined([
      `${this.#about(name)}.`,
      this.#section('Usage', [`$ ${this.#bin} ${name} COMMAND`]),
      this.#list(this.#membersOf(name)),
    ]);
  }

  #flags(): string {
    const all = [...this.#commands.values()].flatMap(({ flags }) => Object.values(flags));
    const global = new Map(all.filter(({ helpGroup }) => helpGroup === GLOBAL_GROUP).map((flag) => [flag.name, flag]));
    return joined([
      'Flags that every command has, and the kinds of values that flags take.',
      this.#section('Global flags', definitionList([...global.values()].map(flagRow), this.#width)),
      this.#section('Values', definitionList(VALUES, this.#width)),
      this.#section('Settings', paragraphs(SETTINGS, this.#width)),
    ]);
  }

  /** The commands below a name, and their summaries. */
  #membersOf(name: string): [string, string][] {
    const members = [...this.#commands].filter(([member]) => member.startsWith(`${name} `));
    return members.map(([member, command]) => [member, this.#summary(command)]);
  }

  #list(rows: readonly (readonly [string, string])[]): string {
    return this.#section('Commands', definitionList(rows, this.#width));
  }

  #summary(command: ManifestCommand): string {
    return this.#filledIn(command.summary ?? command.description ?? '', command).split('\n')[0] ?? '';
  }

  #about(topic: string): string {
    return this.#options.program.oclif.topics[topic]?.description ?? '';
  }

  /** Texts of commands name the program and the command by templates of oclif. */
  #filledIn(text: string, command: ManifestCommand): string {
    return text.replaceAll('<%= config.bin %>', this.#bin).replaceAll('<%= command.id %>', nameOf(command));
  }

  #section(title: string, lines: readonly string[]): string {
    if (lines.length === 0) return '';
    return [this.#options.heading(title), ...lines.map((line) => (line === '' ? '' : INDENT + line))].join('\n');
  }
}

function joined(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function nameOf({ id }: ManifestCommand): string {
  return id.replaceAll(':', ' ');
}

/** Returns flags by their group: a command's own first, `Output` last; required ones lead their group. Global ones have none. */
export function groupsOf(flags: readonly ManifestFlag[]): [string, ManifestFlag[]][] {
  const groups = new Map<string, ManifestFlag[]>([['Flags', []]]);
  const sorted = [...flags].sort(
    (a, b) => Number(b.required ?? false) - Number(a.required ?? false) || (a.name < b.name ? -1 : 1),
  );
  for (const flag of sorted) {
    const title = flag.helpGroup ?? 'Flags';
    if (title !== GLOBAL_GROUP) groups.set(title, [...(groups.get(title) ?? []), flag]);
  }
  const named = [...groups].filter(([title, members]) => members.length > 0 && title !== OUTPUT_GROUP);
  const output = groups.get(OUTPUT_GROUP);
  return output === undefined ? named : [...named, [OUTPUT_GROUP, output]];
}

export function argumentRow({ name, required, multiple, description = '' }: ManifestArgument): [string, string] {
  const label = `${name.toUpperCase()}${multiple ? '...' : ''}`;
  return [required ? label : `[${label}]`, description];
}

export function flagRow(flag: ManifestFlag): [string, string] {
  const short = flag.char ? `-${flag.char}, ` : '';
  const summary = (flag.summary ?? flag.description ?? '').trim();
  const { options = [], default: value = '' } = flag.type === 'option' ? flag : {};
  const notes = [
    flag.required ? 'required' : '',
    options.length > 0 ? `one of ${options.join(', ')}` : '',
    value === '' ? '' : `default: ${value}`,
  ];
  const note = notes.filter((part) => part !== '').join('; ');
  return [`${short}${labelOf(flag)}`, note === '' ? summary : `${summary} [${note}]`];
}

function labelOf(flag: ManifestFlag): string {
  if (flag.type === 'boolean') return `--${flag.allowNo ? '[no-]' : ''}${flag.name}`;
  const { helpValue } = flag;
  const value = typeof helpValue === 'string' ? helpValue : helpValue?.join(' ');
  return `--${flag.name} ${value ?? (flag.options ? 'CHOICE' : 'TEXT')}${flag.multiple ? '...' : ''}`;
}
