import * as Flags from '@oclif/core/flags';
import { listOf, outputFlags, storeFlags } from '../../lib/cli/flags.js';
import { waitFlag } from '../../lib/cli/store-step.js';
import { IMPORTED_TYPES } from '../../lib/import/generic-layout.js';
import { TIME_UNITS } from '../../lib/import/values.js';
import { UsageError } from '../../lib/model/errors.js';
import { MARKETS, SIDES } from '../../lib/model/market-records.js';
import type { Side } from '../../lib/model/records.js';

const LAYOUT = 'Layout';
/** `--columns` of an import names the columns of the file. */
const { columns: _, ...writingFlags } = outputFlags;

/** The flags of `import`. Exchange, market, symbol and interval are values for what the files lack. */
export const importFlags = {
  as: Flags.option({
    summary: 'Record type of the rows, where the files leave a doubt.',
    options: IMPORTED_TYPES,
    helpGroup: LAYOUT,
  })(),
  preset: Flags.string({
    summary: 'Layout of a known source; recognised from header or name where that is safe.',
    helpValue: 'NAME',
    helpGroup: LAYOUT,
  }),
  'list-presets': Flags.boolean({ summary: 'List the known layouts.', helpGroup: LAYOUT }),
  exchange: Flags.custom<string>({
    summary: 'Exchange of the files: any name of letters, digits and -.',
    helpValue: 'NAME',
    helpGroup: LAYOUT,
    parse: async (text) => {
      if (/^[a-z0-9-]{1,32}$/.test(text)) return text;
      throw new UsageError(`expected up to 32 lower-case letters, digits and -, was "${text}"`);
    },
  })(),
  market: Flags.option({ summary: 'Market of the files.', options: MARKETS, helpGroup: LAYOUT })(),
  symbols: Flags.custom<string>({
    summary: 'Symbol of the files, one.',
    helpValue: 'SYMBOL',
    helpGroup: LAYOUT,
    parse: async (text) => {
      const [symbol, second] = listOf(text);
      if (symbol === undefined || second !== undefined) throw new UsageError(`expected one symbol, was "${text}"`);
      return symbol;
    },
  })(),
  interval: Flags.string({ summary: 'Interval of the candles.', helpValue: 'DURATION', helpGroup: LAYOUT }),
  columns: Flags.custom<Readonly<Record<string, string>>>({
    summary: 'Columns of the fields: price=px,amount=qty,timestamp=1 (names, or numbers from 1).',
    helpValue: 'LIST',
    helpGroup: LAYOUT,
    parse: async (text) => pairsOf(text, 'FIELD=COLUMN'),
  })(),
  'time-unit': Flags.option({
    summary: 'Unit of the times.',
    defaultHelp: async () => 'the only one in which they lie between 2009 and 2100',
    options: TIME_UNITS,
    helpGroup: LAYOUT,
  })(),
  'input-tz': Flags.string({
    summary: 'Time zone of times that name none: UTC, +08:00, Europe/Berlin.',
    helpValue: 'ZONE',
    helpGroup: LAYOUT,
  }),
  'side-map': Flags.custom<Readonly<Record<string, Side>>>({
    summary: 'Meaning of the side column: Bid=buy,Ask=sell.',
    helpValue: 'LIST',
    helpGroup: LAYOUT,
    parse: async (text) => sidesOf(text),
  })(),
  delimiter: Flags.custom<string>({
    summary: 'Character between the cells of a CSV file; \\t is a tab.',
    helpValue: 'CHARACTER',
    helpGroup: LAYOUT,
    parse: async (text) => {
      const character = text === '\\t' || text === 'tab' ? '\t' : text;
      if (character.length === 1 && !/[\s"]/.test(character.replace('\t', ''))) return character;
      throw new UsageError(`expected one character, was "${text}"`);
    },
  })(),
  'no-header': Flags.boolean({ summary: 'The first row is data.', helpGroup: LAYOUT }),
  decimal: Flags.option({
    summary: 'Decimal sign of the numbers.',
    options: ['.', ','] as const,
    default: '.' as const,
    helpGroup: LAYOUT,
  })(),
  'dry-run': Flags.boolean({ summary: 'Show mapping, five rows, counts and times, and write nothing.' }),
  from: Flags.string({ summary: 'Merge the records of another store.', helpValue: 'DIR' }),
  ...writingFlags,
  ...storeFlags,
  wait: waitFlag,
};

function pairsOf(text: string, form: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const part of listOf(text)) {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(part) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`expected ${form}, was "${part}"`);
    if (name.trim() in pairs) throw new UsageError(`${name.trim()} appears twice`);
    pairs[name.trim()] = value.trim();
  }
  return pairs;
}

function sidesOf(text: string): Record<string, Side> {
  const sides: Record<string, Side> = {};
  for (const [name, value] of Object.entries(pairsOf(text, 'TEXT=buy or TEXT=sell'))) {
    const side = SIDES.find((known) => known === value);
    if (!side) throw new UsageError(`expected buy or sell for ${name}, was "${value}"`);
    sides[name] = side;
  }
  return sides;
}
