import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { ACCOUNT_PARTS } from '../../lib/account/snapshot.js';
import { accountFlags } from '../../lib/cli/account-access.js';
import {
  durationFlag,
  exchangesFlag,
  LONGEST_PAUSE,
  outputFlags,
  storeFlags,
  symbolsFlag,
  timeFlags,
} from '../../lib/cli/flags.js';
import { SECOND } from '../../lib/model/time.js';

export const accountArguments = {
  part: Args.string({ description: 'What to show.', options: [...ACCOUNT_PARTS, 'all'], default: 'all' }),
};

export const accountCommandFlags = {
  exchange: exchangesFlag({ char: 'e', defaultHelp: async () => 'those with a key' }),
  ...accountFlags,
  symbols: symbolsFlag({ char: 's', summary: 'Only positions, orders and fills of these symbols; @FILE reads a list.' }),
  watch: Flags.boolean({ summary: 'Go on with every change until stopped; on a terminal as a panel.' }),
  since: timeFlags.since,
  'check-every': durationFlag({
    summary: 'How often --watch compares with REST.',
    least: 5 * SECOND,
    most: LONGEST_PAUSE,
    default: 30 * SECOND,
    defaultHelp: async () => '30s',
  }),
  refresh: durationFlag({
    summary: 'How often --watch draws the panel.',
    least: SECOND / 10,
    most: LONGEST_PAUSE,
    default: SECOND,
    defaultHelp: async () => '1s',
  }),
  ...storeFlags,
  ...outputFlags,
};
