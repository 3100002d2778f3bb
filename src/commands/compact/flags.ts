import * as Flags from '@oclif/core/flags';
import { exchangesFlag, listOf, marketsFlag, storeFlags, timeFlags } from '../../lib/cli/flags.js';
import { notifyFlags } from '../../lib/cli/notify-flags.js';
import { UsageError } from '../../lib/model/errors.js';
import { RECORD_TYPES, type RecordType } from '../../lib/model/records.js';
import { DAY, parseDuration } from '../../lib/model/time.js';
import type { Retention } from '../../lib/storage/upkeep/retention.js';

/** The flags of `compact`. A partition is an exchange, a market and a day, so there is no --symbols. */
export const compactFlags = {
  'dry-run': Flags.boolean({
    summary: 'Report what would be done and change nothing. Merges run in the temporary directory, so the sizes are exact.',
  }),
  keep: Flags.custom<Retention>({
    summary: 'Delete days older than this, of all market data or by type.',
    description:
      '90d, trade=90d,book_delta=7d, or both: 90d,book_delta=7d. An age without a type applies to market data and everything computed from it. Types such as instrument, fill, equity and run are deleted only if named; the newest instrument list is never deleted. Trades are kept while a candle built from them extends beyond the limit.',
    helpValue: 'DURATION',
    parse: async (text) => retentionOf(text),
  })(),
  exchange: exchangesFlag(),
  market: marketsFlag(),
  ...timeFlags,
  ...storeFlags,
  wait: Flags.boolean({ summary: 'Wait if another run is using this store (without --wait: exit).' }),
  ...notifyFlags,
};

/** Returns how long records are kept. Throws a `UsageError`; an age below a day would reach into today. */
export function retentionOf(text: string): Retention {
  const types = new Map<RecordType, number>();
  let otherwise: number | undefined;
  for (const part of listOf(text)) {
    const [, name, age = ''] = /^(?:([^=]*)=)?(.*)$/.exec(part) ?? [];
    const duration = ageOf(age);
    if (name === undefined && otherwise !== undefined)
      throw new UsageError(`--keep: expected one age without a type, was "${text}"`);
    if (name === undefined) otherwise = duration;
    else if (types.has(typeOf(name))) throw new UsageError(`--keep: ${name} appears twice`);
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
  if (age < DAY) throw new UsageError(`--keep: expected at least 1d, was "${text}"; only whole days are deleted`);
  return age;
}
