import { createHash } from 'node:crypto';
import { chosen } from '../../ingest/features/chosen.js';
import { stoppedInput } from '../../ingest/features/stopped-input.js';
import type { FeatureSelection } from '../../ingest/features/stored-features.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord } from '../../model/records.js';
import { type GeneratorCounts, type Rejection, SignalGenerator } from '../../signals/generator.js';
import type { Summary } from '../summary.js';
import type { RuleBook } from './rules.js';

export type SignalRunOptions = {
  /** Empty: the store. */
  readonly input: readonly string[];
  readonly store: string;
  readonly selection: FeatureSelection;
  /** Milliseconds between two looks at the store, undefined for one look. */
  readonly every: number | undefined;
  readonly rules: RuleBook;
  readonly rejected: (rejection: Rejection) => void;
  readonly stopped: AbortSignal;
  readonly warn: (message: string) => void;
};

export type SignalRun = {
  readonly records: AsyncIterable<AnyRecord[]>;
  /** Completes the summary; returns what the user should know. */
  summarize(summary: Summary): string[];
};

/** Sixteen hexadecimal digits: as good as unique among signals, and short enough to be read. */
const ID_LENGTH = 16;
const NO_FEATURES = 'no features';
const WHERE_FROM = 'make them with mdtool features (over a store that stream --channels features has filled, or - on its pipe)';

/** Opens what INPUT names, and the signals that follow from its `features`. */
export async function openSignals(options: SignalRunOptions): Promise<SignalRun> {
  const tally = { broken: 0, rejected: new Map<string, number>(), warm: 0, gaps: 0 };
  const generator = new SignalGenerator({
    rules: options.rules,
    hash: (text) => createHash('sha256').update(text).digest('hex').slice(0, ID_LENGTH),
    rejected(rejection) {
      for (const reason of rejection.reasons) tally.rejected.set(reason, (tally.rejected.get(reason) ?? 0) + 1);
      options.rejected(rejection);
    },
  });
  const rows = await open(options, (reason) => {
    tally.broken += 1;
    if (tally.broken === 1) options.warn(reason);
  });
  return {
    records: through(rows, generator, tally),
    summarize: (summary) => {
      const { rows: read, triggered } = generator.counts;
      summary.note({ rows: read, warm_rows: tally.warm, triggered, rejected: Object.fromEntries(tally.rejected) });
      if (tally.broken > 0) summary.incomplete(`${tally.broken} lines of the input are no records`);
      return notesOf(generator.counts, tally.warm);
    },
  };
}

function notesOf({ rows, signals }: GeneratorCounts, warm: number): string[] {
  if (rows === 0) return [`${NO_FEATURES} came: ${WHERE_FROM}`];
  if (warm === 0 && signals === 0)
    return ['no row was warm: mdtool features tells what is missing, and --list how long each feature needs'];
  return [];
}

async function open(
  { input, store, selection, every, stopped, warn }: SignalRunOptions,
  broken: (reason: string) => void,
): Promise<AsyncIterable<AnyRecord[]>> {
  if (input.length > 0 && every !== undefined) throw new UsageError('--follow reads the store: give no INPUT, or leave it out');
  if (input.length > 0) return chosen(stoppedInput(input, { broken }, stopped), selection);
  if (every !== undefined) {
    const { followedRows } = await import('../../ingest/features/followed-rows.js');
    const onEmpty = () => warn(`${NO_FEATURES} in ${store} yet: ${WHERE_FROM}; waiting`);
    return followedRows(store, selection, { every, stopped, onEmpty });
  }
  const { readStore } = await import('../../storage/store-reader.js');
  return readStore(store, { ...selection, types: ['features'] });
}

async function* through(
  input: AsyncIterable<AnyRecord[]>,
  generator: SignalGenerator,
  tally: { warm: number },
): AsyncGenerator<AnyRecord[]> {
  for await (const records of input) {
    const given: AnyRecord[] = [];
    for (const record of records) {
      if (record.type === 'features' && record.warm) tally.warm += 1;
      given.push(...generator.add(record));
    }
    if (given.length > 0) yield given;
  }
}
