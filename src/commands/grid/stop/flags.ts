import type { Interfaces } from '@oclif/core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { accountFlags } from '../../../lib/cli/account-access.js';
import { durationFlag, exchangesFlag, storeFlags, symbolsFlag } from '../../../lib/cli/flags.js';
import { runName } from '../../../lib/cli/run-name.js';
import { MINUTE, SECOND } from '../../../lib/model/time.js';
import { runFlags } from '../run/flags.js';

export const stopArgs = {
  name: Args.string({ description: 'Name of the run.', parse: async (text) => runName(text) }),
};

const KILL = 'Kill';

export const stopFlags = {
  all: Flags.boolean({ summary: 'All runs of the store.' }),
  keep: Flags.boolean({ summary: 'Leave all orders as they are.', exclusive: ['cancel', 'close', 'kill'] }),
  cancel: Flags.boolean({ summary: 'Cancel all orders of the run; the position stays.', exclusive: ['close', 'kill'] }),
  close: Flags.boolean({ summary: 'Cancel all orders of the run and close its position by market.', exclusive: ['kill'] }),
  kill: Flags.boolean({
    summary: "Cancel every order on the symbol, your own too, and close the position, whatever the run's journal says.",
    exclusive: ['all'],
    helpGroup: KILL,
  }),
  confirm: Flags.string({
    summary: 'Confirm --kill by naming the symbol, instead of typing it.',
    helpValue: 'SYMBOL',
    dependsOn: ['kill'],
    helpGroup: KILL,
  }),
  exchange: exchangesFlag({
    char: 'e',
    summary: 'Without the name of a run: its exchange.',
    helpValue: 'NAME',
    dependsOn: ['kill', 'symbols'],
    helpGroup: KILL,
  }),
  symbols: symbolsFlag({
    char: 's',
    summary: 'Without the name of a run: its symbol.',
    helpValue: 'SYMBOL',
    dependsOn: ['kill', 'exchange'],
    helpGroup: KILL,
  }),
  demo: Flags.boolean({ summary: 'Without the name of a run: the demo side.', dependsOn: ['exchange'], helpGroup: KILL }),
  account: runFlags.account,
  within: durationFlag({
    summary: 'How long to wait for it.',
    least: SECOND,
    default: 2 * MINUTE,
    defaultHelp: async () => '2m',
  }),
  'accept-endpoint': accountFlags['accept-endpoint'],
  ...storeFlags,
};

export type StopFlags = Interfaces.InferredFlags<typeof stopFlags>;
