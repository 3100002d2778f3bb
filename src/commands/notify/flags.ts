import * as Flags from '@oclif/core/flags';
import { listOf } from '../../lib/cli/flags.js';
import { UsageError } from '../../lib/model/errors.js';

/** Names of sinks of mdtool.toml. */
export const sinkFlag = Flags.custom<readonly string[]>({
  summary: 'Sinks of mdtool.toml to send to.',
  defaultHelp: async () => 'all',
  helpValue: 'LIST',
  parse: async (text) => {
    const names = listOf(text);
    if (names.length === 0) throw new UsageError(`expected names of sinks, was "${text}"`);
    return names;
  },
})();
