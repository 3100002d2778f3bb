import type { Interfaces } from '@oclif/core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { accountFlags } from '../../../lib/cli/account-access.js';
import {
  durationFlag,
  exchangesFlag,
  fractionOf,
  LONGEST_PAUSE,
  outputFlags,
  storeFlags,
  symbolsFlag,
} from '../../../lib/cli/flags.js';
import { decimalFlag, fractionFlag } from '../../../lib/cli/grid-flags.js';
import { type MetricsAddress, parseMetricsAddress } from '../../../lib/cli/live/metrics-endpoint.js';
import { notifyFlags } from '../../../lib/cli/notify-flags.js';
import { runName } from '../../../lib/cli/run-name.js';
import { UsageError } from '../../../lib/model/errors.js';
import { Exact } from '../../../lib/model/ticks.js';
import { SECOND } from '../../../lib/model/time.js';
import { DEFAULT_NAME, keyName } from '../../../lib/secrets/key-entry.js';
import { gridFlags } from '../plan/flags.js';

const { price, filled, solve, stress, interval, since, until, store, market, ...ladder } = gridFlags;

const MODE = 'Mode';
const SAFETY = 'Safety';

/** The name of a run, or `@FILE` with runs. */
export const runOrFileArgument = Args.string({
  description: 'Name of the run, or @FILE with a run a row (NDJSON or TOML).',
  required: true,
  parse: async (text) => (text.startsWith('@') ? text : runName(text)),
});

function stopOf(text: string): { readonly price?: string; readonly share?: string } {
  if (!text.trim().endsWith('%')) {
    if (!(Number(text) > 0)) throw new UsageError(`expected a price such as 1500 or a percentage such as 45%, was "${text}"`);
    return { price: new Exact(text.trim()).toString() };
  }
  const share = fractionOf(text);
  if (!share.gt(0) || share.gte(1)) throw new UsageError(`expected a percentage between 0% and 100%, was "${text}"`);
  return { share: share.toString() };
}

export const runNameArgument = Args.string({
  description: 'Name of the run.',
  required: true,
  parse: async (text) => runName(text),
});

/** Flags that make up a run; they are kept with it. */
export const configFlags = {
  ...ladder,
  exchange: exchangesFlag({ char: 'e', summary: 'Exchange; needed for a new run.', helpValue: 'NAME' }),
  symbols: symbolsFlag({ char: 's', summary: 'Symbol, in any spelling; needed for a new run.', helpValue: 'SYMBOL' }),
  'position-mode': Flags.option({
    summary: 'Position mode that the account must be in; with hedge the run trades the side that --side names.',
    options: ['one-way', 'hedge'] as const,
    defaultHelp: async () => 'one-way',
    helpGroup: 'Grid',
  })(),
  deposit: decimalFlag({ summary: 'Deposit of each cycle, in quote units; needed for a new run.', helpGroup: 'Grid' }),
  compound: Flags.boolean({ summary: 'Add what the run has earned to the deposit of the next cycle.', helpGroup: 'Grid' }),
  restart: durationFlag({
    summary: 'Pause between a take profit and the next cycle.',
    least: SECOND,
    most: LONGEST_PAUSE,
    defaultHelp: async () => '60s',
    helpGroup: 'Grid',
  }),
  'max-deposit': decimalFlag({
    summary: 'Largest margin that the run may ever bind, in quote units.',
    defaultHelp: async () => '--deposit',
    helpGroup: SAFETY,
  }),
  'max-loss': decimalFlag({
    summary: 'Halt when realised and open loss together reach this, in quote units.',
    helpGroup: SAFETY,
  }),
  'max-drawdown': fractionFlag({ summary: 'Halt at this drawdown, relative to the deposit.', helpGroup: SAFETY }),
  'max-cycles': Flags.integer({ summary: 'Stop after this number of cycles.', helpValue: 'N', min: 1, helpGroup: SAFETY }),
  'max-cycles-per-hour': Flags.integer({
    summary: 'Begin no more cycles than this within an hour.',
    helpValue: 'N',
    min: 1,
    defaultHelp: async () => '30',
    helpGroup: SAFETY,
  }),
  'exchange-stop': Flags.custom<{ readonly price?: string; readonly share?: string }>({
    summary:
      'Have the exchange hold a stop for the whole position, beyond the last level: at a price, or at this distance from the price that a cycle starts at.',
    helpValue: 'PRICE|PERCENT',
    helpGroup: SAFETY,
    parse: async (text) => stopOf(text),
  })(),
  'on-halt': Flags.option({
    summary: 'What a halt does: keep all orders, cancel them, or also close the position.',
    options: ['keep', 'cancel', 'close'] as const,
    defaultHelp: async () => 'keep',
    helpGroup: SAFETY,
  })(),
};

export const runFlags = {
  paper: Flags.boolean({
    summary: 'Trade on paper: the live market, no key, no order. The default.',
    exclusive: ['demo', 'live'],
    helpGroup: MODE,
  }),
  demo: Flags.boolean({ summary: "Trade on the exchange's demo side, with play money.", exclusive: ['live'], helpGroup: MODE }),
  live: Flags.boolean({
    summary: 'Trade with real money; needs --max-deposit, --max-loss and a confirmation.',
    helpGroup: MODE,
  }),
  account: Flags.custom<string>({
    summary: 'Name of the key.',
    defaultHelp: async () => DEFAULT_NAME,
    helpValue: 'NAME',
    helpGroup: MODE,
    parse: async (text) => keyName(text),
  })(),
  'accept-endpoint': accountFlags['accept-endpoint'],
  confirm: Flags.string({
    summary: 'Confirm --live by naming the symbol, instead of typing it.',
    helpValue: 'SYMBOL',
    helpGroup: MODE,
    dependsOn: ['live'],
  }),
  'accept-unverified': Flags.boolean({
    summary: 'Begin cycles with --live without a result of keys test --conformance, or against one.',
    helpGroup: MODE,
    dependsOn: ['live'],
  }),
  'accept-unsafe-plan': Flags.boolean({
    summary: 'Start although the plan is liquidated before its last level, or a level cannot be placed.',
    helpGroup: SAFETY,
  }),
  'accept-shared-margin': Flags.boolean({
    summary: 'Start with cross margin although other positions or orders use the balance.',
    helpGroup: SAFETY,
  }),
  ...configFlags,
  'max-total-deposit': decimalFlag({
    summary: 'With @FILE: largest margin that all runs together may bind.',
    helpGroup: SAFETY,
  }),
  'max-total-loss': decimalFlag({
    summary: 'With @FILE: halt all runs when they together have lost this.',
    helpGroup: SAFETY,
  }),
  ...storeFlags,
  latency: durationFlag({ summary: 'On paper: time of an order to the exchange.', defaultHelp: async () => '100ms' }),
  resume: Flags.boolean({ summary: 'Go on with a halted run, after orders and position were read and fit.' }),
  reconfigure: Flags.boolean({ summary: 'Change the settings of a run that holds nothing; flags that are not named stay.' }),
  'on-exit': Flags.option({
    summary: 'What Ctrl-C does: keep all orders, cancel the levels, cancel all, or also close the position.',
    options: ['keep', 'levels', 'cancel', 'close'] as const,
    default: 'keep' as const,
  })(),
  metrics: Flags.custom<MetricsAddress>({
    summary: 'Serve the figures of grid status at this address: /metrics (Prometheus), /healthz and /readyz.',
    helpValue: 'ADDRESS',
    parse: async (text) => parseMetricsAddress(text),
  })(),
  ...outputFlags,
  ...notifyFlags,
};

export type RunFlags = Interfaces.InferredFlags<typeof runFlags>;
export type ConfigFlags = Interfaces.InferredFlags<typeof configFlags>;
