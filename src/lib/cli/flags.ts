import { readFileSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { systemReason } from '../disk/system-reason.js';
import type { Exchange } from '../exchanges/exchange.js';
import { EXCHANGES } from '../exchanges/index.js';
import { FailureError, UsageError } from '../model/errors.js';
import { KINDS, MARKETS, STATUSES } from '../model/market-records.js';
import { parseSize } from '../model/number-format.js';
import { finite } from '../model/numbers.js';
import type { InstrumentKind, InstrumentStatus, Market } from '../model/records.js';
import { didYouMean } from '../model/suggestion.js';
import { Exact } from '../model/ticks.js';
import { DAY, formatDuration, parseDuration } from '../model/time.js';
import { GLOBAL_GROUP, OUTPUT_GROUP } from './help-layout.js';
import { LOG_FORMATS, LOG_LEVELS } from './logger.js';
import { parseZonedTime } from './time-zone.js';

/** A filter of the universe: a list of what to keep, or `all` to lift it. */
type Filter<Value extends string> = readonly Value[] | 'all';

export const FORMATS = ['table', 'ndjson', 'jsonl', 'json', 'csv', 'tsv', 'markdown'] as const;
export type Format = (typeof FORMATS)[number];

const EXCHANGE_IDS = EXCHANGES.map(({ id }) => id);

/** The moment to which all relative times of one command line refer (microseconds). */
const startedAt = Date.now() * 1000;

/** Flags of every command. */
export const globalFlags = {
  config: Flags.string({
    summary: 'Configuration file.',
    defaultHelp: async () => './mdtool.toml, then $XDG_CONFIG_HOME/mdtool/mdtool.toml',
    helpValue: 'FILE',
    helpGroup: GLOBAL_GROUP,
  }),
  json: Flags.boolean({
    summary: 'Print the closing summary as one JSON document on stdout.',
    helpGroup: GLOBAL_GROUP,
  }),
  tz: Flags.string({
    summary: 'Time zone of displayed times, and of --since and --until without one: a name such as Europe/Berlin, or local.',
    default: 'UTC',
    helpValue: 'ZONE',
    helpGroup: GLOBAL_GROUP,
  }),
  'metrics-file': Flags.string({
    summary:
      'Write exit code, duration and last success for Prometheus: a text file, or the URL of a push gateway; {step} is the command.',
    helpValue: 'FILE|URL',
    helpGroup: GLOBAL_GROUP,
  }),
  quiet: Flags.boolean({ summary: 'Print no closing summary and no hints on stderr.', helpGroup: GLOBAL_GROUP }),
  'log-level': Flags.option({
    summary: 'Minimum log level; debug adds stack traces.',
    options: LOG_LEVELS,
    default: 'info' as const,
    helpGroup: GLOBAL_GROUP,
  })(),
  'log-format': Flags.option({
    summary: 'Format of the log lines on stderr.',
    options: LOG_FORMATS,
    default: 'text' as const,
    helpGroup: GLOBAL_GROUP,
  })(),
};

/** Flags that say which part of the rows is printed. */
export const rowFlags = {
  columns: Flags.custom<readonly string[]>({
    summary: 'Columns on stdout and in text files, in this order.',
    helpValue: 'LIST',
    helpGroup: OUTPUT_GROUP,
    parse: async (text) => [...new Set(nonEmpty(listOf(text), 'columns', text))],
  })(),
  limit: Flags.integer({ summary: 'Print the first N rows.', helpValue: 'N', min: 0, helpGroup: OUTPUT_GROUP }),
  tail: Flags.integer({ summary: 'Print the last N rows.', helpValue: 'N', min: 0, helpGroup: OUTPUT_GROUP }),
};

/** Flags of every command that writes records. */
export const outputFlags = {
  output: Flags.string({
    char: 'o',
    summary:
      'Destination, repeatable: - (stdout), store, redis://…, or a file or s3://BUCKET/FILE whose extension is its format.',
    description:
      'files are .ndjson, .csv (both also .gz), .parquet, or .duckdb with one table per type. A CSV or Parquet file holds one record type; put {type} in the name for several. It skips `gap` and `clock` records and counts them.',
    helpValue: 'DEST',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: OUTPUT_GROUP,
  }),
  format: Flags.option({
    summary: 'Format on stdout.',
    defaultHelp: async () => 'table on a terminal, else ndjson',
    options: FORMATS,
    helpGroup: OUTPUT_GROUP,
  })(),
  ...rowFlags,
  force: Flags.boolean({ summary: 'Overwrite existing output files.', helpGroup: OUTPUT_GROUP }),
};

/** Flags of every command that reads or writes the store. */
export const storeFlags = {
  store: Flags.string({ summary: 'Store: a directory, or s3://BUCKET/PREFIX.', helpValue: 'DIR', default: './data' }),
  'store-cache': Flags.string({
    summary: 'Directory for the copies and journals of a store in a bucket.',
    helpValue: 'DIR',
    defaultHelp: async () => '$XDG_CACHE_HOME/mdtool',
  }),
};

/** One or several exchanges. */
export const exchangesFlag = Flags.custom<readonly Exchange[]>({
  summary: `Exchanges: ${EXCHANGE_IDS.join(', ')}.`,
  helpValue: 'LIST',
  parse: async (text) => {
    const ids = choices(text, EXCHANGE_IDS);
    return EXCHANGES.filter(({ id }) => ids.includes(id));
  },
});

/** One or several markets. */
export const marketsFlag = Flags.custom<readonly Market[]>({
  summary: `Markets: ${MARKETS.join(', ')}.`,
  helpValue: 'LIST',
  parse: async (text) => choices(text, MARKETS),
});

/** Symbols in any spelling, or `@FILE`. */
export const symbolsFlag = Flags.custom<readonly string[]>({
  summary: 'Symbols in any spelling; @FILE reads a list (one per line, or NDJSON).',
  helpValue: 'LIST',
  parse: async (text) => (text.startsWith('@') ? symbolsOfFile(text.slice(1)) : nonEmpty(listOf(text), 'a symbol', text)),
});

/** Flags that choose the universe; the defaults depend on the market. */
export const universeFlags = {
  quote: Flags.custom<Filter<string>>({
    summary: 'Quote currencies, or all.',
    defaultHelp: async () => 'USDT on spot and linear, all on inverse',
    helpValue: 'LIST',
    parse: async (text) => (text === 'all' ? 'all' : nonEmpty(listOf(text.toUpperCase()), 'an asset', text)),
  })(),
  kind: Flags.custom<Filter<InstrumentKind>>({
    summary: `Instrument kinds: ${KINDS.join(', ')}, or all.`,
    defaultHelp: async () => 'perpetual on linear and inverse',
    helpValue: 'LIST',
    parse: async (text) => (text === 'all' ? 'all' : choices(text, KINDS)),
  })(),
  status: Flags.custom<Filter<InstrumentStatus>>({
    summary: `Instrument status: ${STATUSES.join(', ')}, or all.`,
    defaultHelp: async () => 'trading',
    helpValue: 'LIST',
    parse: async (text) => (text === 'all' ? 'all' : choices(text, STATUSES)),
  })(),
  match: Flags.custom<RegExp>({
    summary: 'Keep symbols whose native spelling matches this regular expression, ignoring case.',
    helpValue: 'REGEX',
    parse: async (text) => regularExpression(text),
  })(),
};

/** Flags of a time range; `until` is exclusive. */
export const timeFlags = {
  since: Flags.custom<number>({
    summary: 'Start time: ISO 8601, epoch, or a duration ago (1d, 90m).',
    helpValue: 'TIME',
    parse: async (text) => parseZonedTime(text, startedAt, '--since'),
  })(),
  until: Flags.custom<number>({
    summary: 'End time, exclusive; same forms as --since.',
    helpValue: 'TIME',
    parse: async (text) => parseZonedTime(text, startedAt, '--until'),
  })(),
};

/** `-`, files or globs. */
export const inputArgument = Args.string({
  multiple: true,
  description:
    'Files or globs (.ndjson, .jsonl, .json, .csv, .tsv, .parquet; also .gz, .zst, .zip), - for stdin, or a Redis stream (redis://host/KEY?group=NAME); without INPUT: the store.',
});

/** Files, globs or `-`. */
export const filesFlag = Flags.custom<readonly string[]>({
  helpValue: 'FILES',
  parse: async (text) => {
    const files = listOf(text);
    if (files.length === 0) throw new UsageError(`expected files, separated by commas, was "${text}"`);
    return files;
  },
});

/** Candle intervals by their names, `1s,1m`. */
export const intervalsFlag = Flags.custom<readonly string[]>({
  summary: 'Candle intervals.',
  helpValue: 'LIST',
  parse: async (text) => {
    const intervals = nonEmpty(listOf(text), 'an interval such as 1m', text);
    // `60m` and `1h` are one interval; exchanges, tapes and the store name it once.
    return [...new Set(intervals.map((interval) => formatDuration(parseDuration(interval, '--interval'))))];
  },
});

/** A duration such as `5s`, as microseconds, within its bounds. */
export const durationFlag = Flags.custom<number, { readonly least?: number; readonly most?: number }>({
  helpValue: 'DURATION',
  parse: async (text, _, { least = 0, most = Number.POSITIVE_INFINITY }) => {
    const duration = parseDuration(text, '');
    if (duration < least) throw new UsageError(`expected at least ${formatDuration(least)}, was ${text}`);
    if (duration > most) throw new UsageError(`expected at most ${formatDuration(most)}, was ${text}`);
    return duration;
  },
});

/** A size such as `1GB`, as bytes. */
export const sizeFlag = Flags.custom<number>({
  helpValue: 'SIZE',
  parse: async (text) => {
    const bytes = parseSize(text);
    if (bytes === undefined) throw new UsageError(`expected a size such as 500MB or 4GB, was "${text}"`);
    return bytes;
  },
});

/** The longest interval of a timer. Node fires a timer of more than 24.8 days at once. */
export const LONGEST_PAUSE = 24 * DAY;

/** Flags with the same meaning everywhere: a configuration file may set them at the top level. */
export const SHARED_FLAGS: readonly string[] = [
  ...Object.keys({ ...globalFlags, ...outputFlags, ...universeFlags, ...timeFlags }).filter((name) => !(name in rowFlags)),
  'exchange',
  'market',
  'symbols',
  'interval',
  ...Object.keys(storeFlags),
];

const SHARED_VALUES: ReadonlySet<string> = new Set([...Object.keys(universeFlags), 'store']);

/** Whether a shared setting is a value, which a flag of the same name without one does not take. */
export function isSharedValue(name: string): boolean {
  return SHARED_VALUES.has(name);
}

/** Flags of one call, which only the command line can set. */
export const NOT_CONFIGURABLE: ReadonlySet<string> = new Set(['config', 'json', 'force', 'help', 'limit', 'tail']);

/** Returns the fraction that `2%` or `0.02` stands for, exactly. */
export function fractionOf(text: string): Exact {
  const match = /^(.*?)\s*(%?)$/.exec(text.trim());
  const number = match?.[1] ?? '';
  if (finite(number) === undefined)
    throw new UsageError(`expected a percentage such as 2% or a fraction such as 0.02, was "${text}"`);
  return new Exact(number).div(match?.[2] ? 100 : 1);
}

/** Returns the parts of a comma list, trimmed, without empty ones. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function choices<Value extends string>(text: string, allowed: readonly Value[]): Value[] {
  const parts = nonEmpty(listOf(text), `one of ${allowed.join(', ')}`, text);
  const unknown = parts.find((part) => !allowed.includes(part as Value));
  if (unknown !== undefined)
    throw new UsageError(`expected one of ${allowed.join(', ')}, was "${unknown}"${didYouMean(unknown, allowed)}`);
  return [...new Set(parts as Value[])];
}

function nonEmpty<Value>(parts: Value[], expected: string, text: string): Value[] {
  if (parts.length === 0) throw new UsageError(`expected ${expected}, was "${text}"`);
  return parts;
}

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch (error) {
    throw new UsageError(`expected a regular expression, was "${text}" (${(error as Error).message.replace(/^.*: /, '')})`);
  }
}

function symbolsOfFile(path: string): string[] {
  const symbols = readList(path)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line) => (line.startsWith('{') ? [symbolOf(line, path)] : listOf(line)));
  return nonEmpty([...new Set(symbols)], 'a list of symbols', `@${path}`);
}

function readList(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new FailureError(`cannot read the list of symbols ${path}: ${systemReason(error)}`, { cause: error });
  }
}

function symbolOf(line: string, path: string): string {
  try {
    const { symbol } = JSON.parse(line) as { symbol?: unknown };
    if (typeof symbol === 'string') return symbol;
  } catch {}
  throw new UsageError(`expected a record with a symbol in ${path}, was ${line.slice(0, 60)}`);
}
