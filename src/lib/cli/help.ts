import type { Command, Interfaces } from '@oclif/core';
import * as Errors from '@oclif/core/errors';
import { CommandHelp, Help } from '@oclif/core/help';
import { EXIT } from '../model/errors.js';
import { printable } from '../model/ndjson.js';
import { didYouMean } from '../model/suggestion.js';
import { commandLines, definitionList, GLOBAL_GROUP, OUTPUT_GROUP, paragraphs } from './help-layout.js';

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

/** Help of one command: summary, usage and examples first, so that they stand on the first screen. */
class OneCommandHelp extends CommandHelp {
  override generate(): string {
    const flags = Object.values(this.command.flags).filter(({ hidden }) => !hidden);
    const args = Object.values(this.command.args).filter(({ hidden }) => !hidden);
    return [
      this.#section('Usage', [`$ ${this.#usage(args, flags)}`]),
      this.#section('Examples', this.#examples()),
      this.#section('Arguments', definitionList(args.map(argumentRow), this.#width)),
      ...groupsOf(flags).map(([title, rows]) => this.#section(title, definitionList(rows.map(flagRow), this.#width))),
      flags.some(({ helpGroup }) => helpGroup === GLOBAL_GROUP)
        ? `Global flags (--json, --quiet, --config, --log-level, …): see ${this.config.bin} help ${FLAGS_TOPIC}`
        : '',
      this.#section('Details', this.#details(flags)),
    ]
      .filter((part) => part !== '')
      .join('\n\n');
  }

  get #width(): number {
    return Math.min(this.opts.maxWidth, LONGEST_LINE) - INDENT.length;
  }

  get #name(): string {
    return `${this.config.bin} ${this.command.id.replaceAll(':', ' ')}`;
  }

  #section(title: string, lines: readonly string[]): string {
    return lines.length === 0 ? '' : section(this, title, lines);
  }

  #usage(args: readonly Command.Arg.Any[], flags: readonly Command.Flag.Any[]): string {
    const required = flags.filter(({ required }) => required).map((flag) => labelOf(flag));
    return [this.#name, ...args.map((arg) => argumentRow(arg)[0]), ...required, '[flags]'].join(' ');
  }

  #examples(): string[] {
    const examples = this.command.examples ?? [];
    return examples.flatMap((example) => {
      const { description, command } = typeof example === 'string' ? { description: '', command: example } : example;
      const [line = '', ...more] = commandLines(this.render(command), this.#width - CONTINUED.length);
      const comment = paragraphs(description ?? '', this.#width - 2).filter((text) => text !== '');
      return [...comment.map((text) => `# ${text}`), `$ ${line}`, ...more.map((part) => CONTINUED + part)];
    });
  }

  #details(flags: readonly Command.Flag.Any[]): string[] {
    const own = this.render(this.command.description ?? '');
    const explained = flags.filter(({ summary, description }) => summary && description);
    const more = explained.map((flag) => `--${flag.name}: ${this.render(flag.description ?? '')}`);
    return [own, ...more]
      .filter((text) => text !== '')
      .flatMap((text, index) => [...(index ? [''] : []), ...paragraphs(text, this.#width)]);
  }
}

/** The help of mdtool: short usage, groups in sentence case, each default in one style, and the topic `help flags`. */
export default class PlainHelp extends Help {
  protected override CommandHelpClass = OneCommandHelp;

  override async showHelp(argv: string[]): Promise<void> {
    const words = argv.filter((word) => word !== '' && !word.startsWith('-') && word !== 'help');
    if (words.length === 1 && words[0] === FLAGS_TOPIC) return this.log(this.#flagsTopic());
    const name = words.join(' ');
    const spaced = (id: string) => id.replaceAll(':', ' ');
    const commands = new Set(this.config.commands.map(({ id }) => spaced(id)));
    const topics = new Set([...commands, ...this.config.topics.map((topic) => spaced(topic.name))]);
    // Behind a command stand its arguments, behind a topic only its commands.
    const isKnown = name === '' || topics.has(name) || words.some((_, index) => commands.has(words.slice(0, index).join(' ')));
    if (isKnown) return await super.showHelp(argv);
    const hint = didYouMean(name, [...topics, FLAGS_TOPIC]) || `; ${this.config.bin} --help lists the commands`;
    process.stderr.write(`mdtool: no help on "${printable(name)}"${hint}\n`);
    throw new Errors.ExitError(EXIT.usage);
  }

  override formatRoot(): string {
    const { bin, pjson } = this.config;
    return `${paragraphs(pjson.description ?? '', this.#width).join('\n')}\n\n${section(this, 'Usage', [`$ ${bin} COMMAND [INPUT...] [flags]`])}`;
  }

  protected override async showRootHelp(): Promise<void> {
    const { bin } = this.config;
    this.log(this.formatRoot());
    this.log('');
    this.log(this.formatCommands(this.#listed()));
    this.log('');
    this.log(`More: ${bin} COMMAND --help, and ${bin} help ${FLAGS_TOPIC} for flags and values`);
  }

  protected override formatCommands(commands: Command.Loadable[]): string {
    const rows = commands.map(({ id, summary, description }): [string, string] => [
      id.replaceAll(':', ' '),
      this.render(summary ?? description ?? '').split('\n')[0] ?? '',
    ]);
    return commands.length === 0 ? '' : section(this, 'Commands', definitionList(rows, this.#width));
  }

  /** The commands; those of a topic that is no command itself as one row, so that the list stays on one screen. */
  #listed(): Command.Loadable[] {
    const commands = this.sortedCommands;
    const topics = this.config.topics.filter(({ name }) => !name.includes(':') && !this.config.findCommand(name));
    const rows = topics.map(({ name, description }) => {
      const members = commands.filter(({ id }) => id.startsWith(`${name}:`));
      const names = members.map(({ id }) => id.slice(name.length + 1).replaceAll(':', ' ')).join(', ');
      return { ...(members[0] as Command.Loadable), id: name, summary: `${description}: ${names}.` };
    });
    const others = commands.filter(({ id }) => !topics.some(({ name }) => id.startsWith(`${name}:`)));
    return [...others, ...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  protected override async showTopicHelp({ name, description = '' }: Interfaces.Topic): Promise<void> {
    const summary = this.render(description).split('\n')[0] ?? '';
    this.log(`${summary}.\n\n${section(this, 'Usage', [`$ ${this.config.bin} ${name} COMMAND`])}\n`);
    this.log(this.formatCommands(this.sortedCommands.filter(({ id }) => id.startsWith(`${name}:`))));
  }

  get #width(): number {
    return Math.min(this.opts.maxWidth ?? LONGEST_LINE, LONGEST_LINE) - INDENT.length;
  }

  #flagsTopic(): string {
    const all = this.config.commands.flatMap(({ flags }) => Object.values(flags));
    const global = new Map(all.filter(({ helpGroup }) => helpGroup === GLOBAL_GROUP).map((flag) => [flag.name, flag]));
    return [
      'Flags that every command has, and the kinds of values that flags take.',
      section(this, 'Global flags', definitionList([...global.values()].map(flagRow), this.#width)),
      section(this, 'Values', definitionList(VALUES, this.#width)),
      section(this, 'Settings', paragraphs(SETTINGS, this.#width)),
    ].join('\n\n');
  }
}

/** Returns a titled section; the formatter makes the title bold on a terminal. */
function section(formatter: { section(header: string, body: string): string }, title: string, lines: readonly string[]): string {
  return formatter.section(title, lines.join('\n'));
}

/** Returns flags by their group: a command's own first, `Output` last; required ones lead their group. Global ones have none. */
export function groupsOf(flags: readonly Command.Flag.Any[]): [string, Command.Flag.Any[]][] {
  const groups = new Map<string, Command.Flag.Any[]>([['Flags', []]]);
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

export function argumentRow({ name, required, multiple, description = '' }: Command.Arg.Any): [string, string] {
  const label = `${name.toUpperCase()}${multiple ? '...' : ''}`;
  return [required ? label : `[${label}]`, description];
}

export function flagRow(flag: Command.Flag.Any): [string, string] {
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

function labelOf(flag: Command.Flag.Any): string {
  if (flag.type === 'boolean') return `--${flag.allowNo ? '[no-]' : ''}${flag.name}`;
  const { helpValue } = flag;
  const value = typeof helpValue === 'string' ? helpValue : helpValue?.join(' ');
  return `--${flag.name} ${value ?? (flag.options ? 'CHOICE' : 'TEXT')}${flag.multiple ? '...' : ''}`;
}
