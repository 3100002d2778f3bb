import * as Flags from '@oclif/core/flags';
import { UsageError } from '../model/errors.js';
import { listOf } from './flags.js';

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
});

const ALERTS = 'Alerts';

/** Flags of steps that send alerts beside what they do. */
export const notifyFlags = {
  notify: Flags.boolean({ summary: 'Also send what people should know, as mdtool notify does.', helpGroup: ALERTS }),
  sink: sinkFlag({ helpGroup: ALERTS, dependsOn: ['notify'] }),
};

/** The parsed flags of `notifyFlags`. */
export type NotifyFlags = { readonly notify: boolean; readonly sink?: readonly string[] | undefined };
