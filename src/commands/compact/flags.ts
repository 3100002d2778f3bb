import { Flags } from '@oclif/core';
import { exchangesFlag, listOf, marketsFlag, storeFlag, timeFlags } from '../../lib/cli/flags.js';
import { UsageError } from '../../lib/model/errors.js';
import { RECORD_TYPES, type RecordType } from '../../lib/model/records.js';
import { DAY, parseDuration } from '../../lib/model/time.js';
import type { Retention } from '../../lib/storage/upkeep/retention.js';

/** The flags of `compact`; a partition is an exchange, a market and a day, so there is no choice of symbols. */
export const compactFlags = {
  'dry-run': Flags.boolean({
    summary: 'Say what would be done and change nothing; merges are made in the temporary directory, so the figures are exact.',
  }),
  keep: Flags.custom<Retention>({
    summary: 'Remove days that lie wholly further back than an age, of all market data or by type.',
    description:
      '90d, trade=90d,book_delta=7d, or both: 90d,book_delta=7d. An age alone is for what a market brings and what is computed from it; instrument, fill, equity, run and the like are removed only where named, and the newest list of instruments never. Trades stay as long as a candle that the store builds from them reaches beyond the limit.',
    helpValue: '90d',
    parse: async (text) => retentionOf(text),
  })(),
  'rebuild-log': Flags.boolean({
    summary: 'Make the log of the store anew from its Parquet files first, when it was lost in whole or in part.',
    description:
      'Refused while something writes. Files that the store does not need are moved below state/, among them candles of trades that are there: candles builds them again. Files that are gone cannot be noticed.',
    exclusive: ['dry-run'],
  }),
  exchange: exchangesFlag(),
  market: marketsFlag(),
  ...timeFlags,
  store: storeFlag,
  wait: Flags.boolean({ summary: 'Wait for another run over the same store, instead of leaving it to that one.' }),
};

/** Returns how long records are kept. Throws a `UsageError`; an age below a day would reach into today. */
export function retentionOf(text: string): Retention {
  const types = new Map<RecordType, number>();
  let otherwise: number | undefined;
  for (const part of listOf(text)) {
    const [, name, age = ''] = /^(?:([^=]*)=)?(.*)$/.exec(part) ?? [];
    const duration = ageOf(age);
    if (name === undefined && otherwise !== undefined) throw new UsageError(`--keep ${text}: expected one age without a type`);
    if (name === undefined) otherwise = duration;
    else if (types.has(typeOf(name))) throw new UsageError(`--keep ${text}: ${name} is given twice`);
    else types.set(typeOf(name), duration);
  }
  if (otherwise === undefined && types.size === 0)
    throw new UsageError(`--keep: expected 90d or trade=90d,book_delta=7d, was "${text}"`);
  return { otherwise, types };
}

function typeOf(name: string): RecordType {
  const type = RECORD_TYPES.find((candidate) => candidate === name.trim() && candidate !== 'clock');
  if (type === undefined)
    throw new UsageError(`--keep: expected a record type such as trade or book_delta before =, was "${name}"`);
  return type;
}

function ageOf(text: string): number {
  const age = parseDuration(text, '--keep');
  if (age < DAY) throw new UsageError(`--keep: expected at least 1d, was "${text}"; whole days are removed`);
  return age;
}
