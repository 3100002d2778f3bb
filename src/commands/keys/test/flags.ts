import type { Interfaces } from '@oclif/core';
import * as Flags from '@oclif/core/flags';
import { accountFlags } from '../../../lib/cli/account-access.js';
import { storeFlags, symbolsFlag } from '../../../lib/cli/flags.js';
import { oneExchange } from '../flags.js';

const CONFORMANCE = 'CONFORMANCE';

export const testFlags = {
  exchange: oneExchange,
  demo: accountFlags.demo,
  'accept-endpoint': accountFlags['accept-endpoint'],
  conformance: Flags.boolean({
    summary: 'Ask a demo account, by small orders, what no document of the exchange answers.',
    helpGroup: CONFORMANCE,
  }),
  symbols: symbolsFlag({
    summary: 'With --conformance: the perpetual to trade, without orders or position of yours.',
    helpGroup: CONFORMANCE,
    defaultHelp: async () => 'ETHUSDT',
    dependsOn: ['conformance'],
  }),
  ...storeFlags,
};

export type TestFlags = Interfaces.InferredFlags<typeof testFlags>;
