import * as Flags from '@oclif/core/flags';
import { storeFlags } from '../../lib/cli/flags.js';
import { type MetricsAddress, parseMetricsAddress } from '../../lib/cli/live/metrics-endpoint.js';
import { lockFlag, queueFlag } from '../../lib/cli/queue-flags.js';

/** The flags of `worker`. */
export const workerFlags = {
  queue: queueFlag({ required: true }),
  concurrency: Flags.integer({ summary: 'Jobs at once, each in its own thread.', default: 1, min: 1, max: 256, helpValue: 'N' }),
  'allow-modules': Flags.string({
    summary: 'Run strategies of your own that stand in this directory with the same content; without it, none.',
    helpValue: 'DIR',
  }),
  store: Flags.string({
    summary: 'Store to read, where it is not at the path that the sender names.',
    defaultHelp: async () => 'the path of the sender',
    helpValue: 'DIR',
  }),
  'store-cache': storeFlags['store-cache'],
  lock: lockFlag('Take over the jobs of a worker that is silent for this long.'),
  metrics: Flags.custom<MetricsAddress>({
    summary: 'Serve /metrics (Prometheus), /healthz and /readyz at this address.',
    helpValue: 'HOST:PORT',
    parse: async (text) => parseMetricsAddress(text),
  })(),
  status: Flags.boolean({ summary: 'Show the workers, their jobs and who captures which shard, and end.' }),
};
