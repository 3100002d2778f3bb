import type { Interfaces } from '@oclif/core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { accountFlags } from '../../../lib/cli/account-access.js';
import { exchangesFlag, storeFlags, symbolsFlag } from '../../../lib/cli/flags.js';
import { runName } from '../../../lib/cli/run-name.js';
import { runFlags } from '../run/flags.js';

export const statusArgs = {
  name: Args.string({ description: 'Name of the run; all without it.', parse: async (text) => runName(text) }),
};

const ASKS = 'Ask the exchange';

export const statusFlags = {
  watch: Flags.boolean({ summary: 'Show it again every second, until Ctrl-C.' }),
  backup: Flags.string({
    summary: 'Write a copy of the journal of the run to a new file, also while it runs.',
    helpValue: 'FILE',
    exclusive: ['watch'],
  }),
  check: Flags.boolean({
    summary: 'Compare the journal with what the exchange shows; exit 3 when they differ.',
    exclusive: ['watch', 'recover'],
    helpGroup: ASKS,
  }),
  recover: Flags.boolean({
    summary: 'Show what the orders on the exchange say of themselves; needs no journal and resumes nothing.',
    exclusive: ['watch'],
    helpGroup: ASKS,
  }),
  exchange: exchangesFlag({
    char: 'e',
    summary: 'With --recover, without a run: its exchange.',
    helpValue: 'NAME',
    dependsOn: ['recover', 'symbols'],
    helpGroup: ASKS,
  }),
  symbols: symbolsFlag({
    char: 's',
    summary: 'With --recover, without a run: its symbol.',
    helpValue: 'SYMBOL',
    dependsOn: ['recover', 'exchange'],
    helpGroup: ASKS,
  }),
  demo: Flags.boolean({
    summary: 'With --recover, without a run: the demo side.',
    dependsOn: ['exchange'],
    helpGroup: ASKS,
  }),
  account: runFlags.account,
  'accept-endpoint': accountFlags['accept-endpoint'],
  ...storeFlags,
};

export type StatusFlags = Interfaces.InferredFlags<typeof statusFlags>;
