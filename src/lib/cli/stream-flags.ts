import { Flags } from '@oclif/core';
import { CHANNELS, type Channel } from '../exchanges/exchange.js';
import { UsageError } from '../model/errors.js';
import { finite } from '../model/numbers.js';
import { listOf } from './flags.js';

/** Channels by their names. */
export const channelsFlag = Flags.custom<readonly Channel[]>({
  summary: `Channels, separated by commas: ${CHANNELS.join(', ')}. ticker also gives mark_price, open_interest and funding.`,
  helpValue: 'trade,book',
  parse: async (text) => {
    const names = listOf(text);
    const unknown = names.find((name) => !CHANNELS.includes(name as Channel));
    if (unknown !== undefined || names.length === 0)
      throw new UsageError(`expected channels out of ${CHANNELS.join(', ')}, was "${unknown ?? text}"`);
    return [...new Set(names as Channel[])];
  },
});

/** Files, globs or `-`. */
export const filesFlag = Flags.custom<readonly string[]>({
  helpValue: 'FILES',
  parse: async (text) => {
    const files = listOf(text);
    if (files.length === 0) throw new UsageError(`expected files, separated by commas, was "${text}"`);
    return files;
  },
});

/** A number above zero. */
export const positiveFlag = Flags.custom<number>({
  helpValue: 'N',
  parse: async (text) => {
    const number = finite(text);
    if (number === undefined || number <= 0) throw new UsageError(`expected a number above 0, was "${text}"`);
    return number;
  },
});
