import * as Flags from '@oclif/core/flags';
import { featureFlags } from '../../lib/cli/feature-flags.js';
import { exchangesFlag, listOf, marketsFlag, storeFlags, symbolsFlag, timeFlags } from '../../lib/cli/flags.js';
import { storeWorkersFlag } from '../../lib/cli/queue-flags.js';
import { waitFlag } from '../../lib/cli/store-step.js';
import { ROW_TYPES, type RowType } from '../../lib/features/store/feature-run.js';
import { UsageError } from '../../lib/model/errors.js';

/** The rows that are emitted. */
const rowsFlag = Flags.custom<readonly RowType[]>({
  summary: 'Rows to emit: micro, features, or both. A store always gets both.',
  helpValue: 'CHOICE',
  default: async () => ROW_TYPES,
  defaultHelp: async () => 'both',
  parse: async (text) => rowTypesOf(text),
});

/** Flags of `features`. */
export const featuresFlags = {
  ...featureFlags,
  rows: rowsFlag(),
  list: Flags.boolean({ summary: 'Print every feature with its inputs, window and warm-up.' }),
  plot: Flags.string({
    summary: 'Draw features as lines, instead of rows: delta_z,imb_shift.',
    helpValue: 'LIST',
    exclusive: ['output'],
  }),
  html: Flags.string({
    summary: 'Also write the lines, below the price, to this self-contained page.',
    helpValue: 'FILE',
    dependsOn: ['plot'],
  }),
  'fail-on-gaps': Flags.boolean({ summary: 'Exit 3 when the input has an unrepaired gap.' }),
  exchange: exchangesFlag(),
  market: marketsFlag(),
  symbols: symbolsFlag(),
  ...timeFlags,
  ...storeFlags,
  wait: waitFlag,
  workers: storeWorkersFlag(),
};

function rowTypesOf(text: string): readonly RowType[] {
  if (text.trim() === 'both') return ROW_TYPES;
  const types = listOf(text);
  const unknown = types.find((type) => !(ROW_TYPES as readonly string[]).includes(type));
  if (unknown !== undefined || types.length === 0)
    throw new UsageError(`expected ${ROW_TYPES.join(', ')} or both, was "${unknown ?? text}"`);
  return [...new Set(types as RowType[])];
}
