import { readFileSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import type { Exchange } from '../exchanges/exchange.js';
import { EXCHANGES } from '../exchanges/index.js';
import { FailureError, UsageError } from '../model/errors.js';
import { KINDS, MARKETS, STATUSES } from '../model/market-records.js';
import { finite } from '../model/numbers.js';
import type { InstrumentKind, InstrumentStatus, Market } from '../model/records.js';
import { Exact } from '../model/ticks.js';
import { DAY, formatDuration, parseDuration, parseTime } from '../model/time.js';
import { systemReason } from '../sinks/system-reason.js';
import { LOG_FORMATS, LOG_LEVELS } from './logger.js';

/** A filter of the universe: a list of what to keep, or `all` to lift it. */
export type Filter<Value extends string> = readonly Value[] | 'all';

export const FORMATS = ['table', 'ndjson', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

const EXCHANGE_IDS = EXCHANGES.map(({ id }) => id);

/** Relative times of one command line are relative to the same moment (microseconds). */
const startedAt = Date.now() * 1000;

/** On every command. */
export const globalFlags = {
  config: Flags.string({
    summary: 'Configuration file, instead of ./mdtool.toml and the one in $XDG_CONFIG_HOME/mdtool.',
    helpValue: 'FILE',
    helpGroup: 'GLOBAL',
  }),
  json: Flags.boolean({
    summary: 'Print one JSON document on stdout at the end: the closing summary.',
    helpGroup: 'GLOBAL',
  }),
  quiet: Flags.boolean({ summary: 'No closing summary and no hints on stderr.', helpGroup: 'GLOBAL' }),
  'log-level': Flags.option({
    summary: 'Least level that is logged; debug adds stack traces.',
    options: LOG_LEVELS,
    default: 'info' as const,
    helpGroup: 'GLOBAL',
  })(),
  'log-format': Flags.option({
    summary: 'Format of the lines on stderr.',
    options: LOG_FORMATS,
    default: 'text' as const,
    helpGroup: 'GLOBAL',
  })(),
};

/** On every command that writes records. */
export const outputFlags = {
  output: Flags.string({
    char: 'o',
    summary: 'Where records go; repeatable. `-` is stdout, `store` the store; a file names its format by its extension.',
    description:
      '`.ndjson` and `.csv`, both also `.gz`, `.parquet`, and `.duckdb` with one table per type. A CSV or Parquet file holds one record type: `gap` and `clock` are left out and counted; with several types put {type} into the name.',
    helpValue: 'DEST',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'OUTPUT',
  }),
  format: Flags.option({
    summary: 'Format on stdout. Default: table on a terminal, else ndjson.',
    options: FORMATS,
    helpGroup: 'OUTPUT',
  })(),
  force: Flags.boolean({ summary: 'Replace output files that exist.', helpGroup: 'OUTPUT' }),
};

/** On every command that reads or writes the store. */
export const storeFlag = Flags.string({ summary: 'Directory of the store.', helpValue: 'DIR', default: './data' });

/** One exchange or several. */
export const exchangesFlag = Flags.custom<readonly Exchange[]>({
  summary: `Exchanges, separated by commas: ${EXCHANGE_IDS.join(', ')}.`,
  helpValue: EXCHANGE_IDS.join(','),
  parse: async (text) => {
    const ids = choices(text, EXCHANGE_IDS);
    return EXCHANGES.filter(({ id }) => ids.includes(id));
  },
});

/** One market or several. */
export const marketsFlag = Flags.custom<readonly Market[]>({
  summary: `Markets, separated by commas: ${MARKETS.join(', ')}.`,
  helpValue: MARKETS.join(','),
  parse: async (text) => choices(text, MARKETS),
});

/** Symbols in any spelling, or `@FILE`. */
export const symbolsFlag = Flags.custom<readonly string[]>({
  summary: 'Symbols in any spelling, separated by commas; @FILE reads a list, one per line or NDJSON.',
  helpValue: 'BTCUSDT,ETHUSDT',
  parse: async (text) => (text.startsWith('@') ? symbolsOfFile(text.slice(1)) : nonEmpty(listOf(text), 'a symbol', text)),
});

/** The flags that choose the universe; the defaults depend on the market. */
export const universeFlags = {
  quote: Flags.custom<Filter<string>>({
    summary: 'Quote assets, or all. Default: USDT on spot and linear, all on inverse.',
    helpValue: 'USDT',
    parse: async (text) => (text === 'all' ? 'all' : nonEmpty(listOf(text.toUpperCase()), 'an asset', text)),
  })(),
  kind: Flags.custom<Filter<InstrumentKind>>({
    summary: `Kinds of instrument: ${KINDS.join(', ')}, or all. Default: perpetual on linear and inverse.`,
    helpValue: 'perpetual',
    parse: async (text) => (text === 'all' ? 'all' : choices(text, KINDS)),
  })(),
  status: Flags.custom<Filter<InstrumentStatus>>({
    summary: `States: ${STATUSES.join(', ')}, or all. Default: trading.`,
    helpValue: 'trading',
    parse: async (text) => (text === 'all' ? 'all' : choices(text, STATUSES)),
  })(),
  match: Flags.custom<RegExp>({
    summary: 'Keep symbols that match this regular expression (native spelling, case ignored).',
    helpValue: 'REGEX',
    parse: async (text) => regularExpression(text),
  })(),
};

/** A span of time; `until` is exclusive. */
export const timeFlags = {
  since: Flags.custom<number>({
    summary: 'Beginning: ISO 8601, epoch, or a duration ago (1d, 90m).',
    helpValue: 'TIME',
    parse: async (text) => parseTime(text, startedAt, '--since'),
  })(),
  until: Flags.custom<number>({
    summary: 'End, exclusive: as --since.',
    helpValue: 'TIME',
    parse: async (text) => parseTime(text, startedAt, '--until'),
  })(),
};

/** `-`, files or globs. */
export const inputArgument = Args.string({
  multiple: true,
  description: 'Files or globs (.ndjson, .csv, both also .gz, .parquet), or - for stdin. Default: the store.',
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
  summary: 'Intervals, separated by commas.',
  helpValue: '1s,1m',
  parse: async (text) => {
    const intervals = nonEmpty(listOf(text), 'an interval such as 1m', text);
    for (const interval of intervals) parseDuration(interval, '--interval');
    return intervals;
  },
});

/** A duration such as `5s`, as microseconds, within its bounds. */
export const durationFlag = Flags.custom<number, { readonly least?: number; readonly most?: number }>({
  helpValue: '1s',
  parse: async (text, _, { least = 0, most = Number.POSITIVE_INFINITY }) => {
    const duration = parseDuration(text, '');
    if (duration < least) throw new UsageError(`expected ${formatDuration(least)} or longer, was ${text}`);
    if (duration > most) throw new UsageError(`expected ${formatDuration(most)} at most, was ${text}`);
    return duration;
  },
});

/** The longest time between two looks: timers beyond 24.8 days fire at once. */
export const LONGEST_PAUSE = 24 * DAY;

/** The flags that mean the same everywhere: these may stand at the top level of a configuration file. */
export const SHARED_FLAGS: readonly string[] = [
  ...Object.keys({ ...globalFlags, ...outputFlags, ...universeFlags, ...timeFlags }),
  'exchange',
  'market',
  'symbols',
  'interval',
  'store',
];

/** These say what this one call shall do, and stand on the command line alone. */
export const NOT_CONFIGURABLE: ReadonlySet<string> = new Set(['config', 'json', 'force', 'help']);

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
  if (unknown !== undefined) throw new UsageError(`expected one of ${allowed.join(', ')}, was "${unknown}"`);
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
