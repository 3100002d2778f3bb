import { Flags } from '@oclif/core';
import { durationFlag, exchangesFlag, listOf, marketsFlag, storeFlag, symbolsFlag, timeFlags } from '../../lib/cli/flags.js';
import { waitFlag } from '../../lib/cli/store-step.js';
import type { EngineOptions } from '../../lib/features/options.js';
import { checkedWindows, FEATURES, type Windows } from '../../lib/features/registry.js';
import { ROW_TYPES, type RowType } from '../../lib/features/store/feature-run.js';
import { UsageError } from '../../lib/model/errors.js';
import { parseDuration, SECOND } from '../../lib/model/time.js';

const NAMES = FEATURES.map(({ name }) => name);

/** How features are computed. */
export const featureFlags = {
  window: Flags.custom<Windows>({
    summary: 'Windows other than the defaults, such as ofi=30s, separated by commas; see --list.',
    helpValue: 'LIST',
    default: async () => new Map(),
    defaultHelp: async () => 'as --list prints',
    parse: async (text) => windowsOf(text),
  })(),
  grace: durationFlag({
    summary: 'How long a second accepts records after its end, from stdin. Files and the store are read as a whole.',
    default: async () => SECOND,
    defaultHelp: async () => '1s',
  }),
};

/** The rows that are emitted. */
const rowsFlag = Flags.custom<readonly RowType[]>({
  summary: 'Rows to emit: micro, features, or both. A store always gets both.',
  helpValue: 'CHOICE',
  default: async () => ROW_TYPES,
  defaultHelp: async () => 'both',
  parse: async (text) => rowTypesOf(text),
});

/** The name of a feature. */
const featureNameFlag = Flags.custom<string>({
  helpValue: 'NAME',
  parse: async (text) => {
    if (!NAMES.includes(text)) throw new UsageError(`expected one of ${NAMES.join(', ')}, was "${text}"`);
    return text;
  },
});

/** Flags of `features`. */
export const featuresFlags = {
  ...featureFlags,
  rows: rowsFlag(),
  list: Flags.boolean({ summary: 'Print every feature with its inputs, window and warm-up.' }),
  plot: featureNameFlag({ summary: 'Draw one feature as a line, instead of rows.', exclusive: ['output'] }),
  'fail-on-gaps': Flags.boolean({ summary: 'Exit 3 when the input has an unrepaired gap.' }),
  exchange: exchangesFlag(),
  market: marketsFlag(),
  symbols: symbolsFlag(),
  ...timeFlags,
  store: storeFlag,
  wait: waitFlag,
};

/** Returns how features are to be computed. */
export function engineOptionsOf({
  window,
  grace,
}: {
  readonly window: Windows;
  readonly grace: number;
}): Pick<EngineOptions, 'grace' | 'windows'> {
  return { grace, windows: window };
}

function windowsOf(text: string): Windows {
  return checkedWindows(
    listOf(text).map((part) => {
      const [name = '', duration, ...more] = part.split('=');
      if (duration === undefined || more.length > 0)
        throw new UsageError(`expected NAME=DURATION such as ofi=30s, was "${part}"`);
      return [name.trim(), parseDuration(duration, name)] as const;
    }),
  );
}

function rowTypesOf(text: string): readonly RowType[] {
  if (text.trim() === 'both') return ROW_TYPES;
  const types = listOf(text);
  const unknown = types.find((type) => !(ROW_TYPES as readonly string[]).includes(type));
  if (unknown !== undefined || types.length === 0)
    throw new UsageError(`expected ${ROW_TYPES.join(', ')} or both, was "${unknown ?? text}"`);
  return [...new Set(types as RowType[])];
}
