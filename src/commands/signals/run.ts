import { createHash } from 'node:crypto';
import type { Summary } from '../../lib/cli/summary.js';
import { stoppedInput } from '../../lib/features/store/stopped-input.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord } from '../../lib/model/records.js';
import { filtered, isSelected, type RecordSelection } from '../../lib/model/selection.js';
import { type GeneratorCounts, type Rejection, SignalGenerator, type SymbolProgress } from '../../lib/signals/generator.js';
import type { RuleBook } from './rules.js';

export type SignalRunOptions = {
  /** Empty: the store. */
  readonly input: readonly string[];
  readonly store: string;
  readonly selection: RecordSelection;
  /** Milliseconds between two looks at the store, undefined for one look. */
  readonly every: number | undefined;
  /** Whether the store remembers which rows were looked at: signals go there, and each row is looked at once. */
  readonly remembers: boolean;
  readonly rules: RuleBook;
  /** Whether holes under the rows make the run incomplete. */
  readonly failOnGaps?: boolean;
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

const OTHER_RULES =
  'the rules are others than those of the last run: every row is looked at again, and signals of other rules stay in the store; -o FILE keeps them apart';

/** Opens what INPUT names, and the signals that follow from its `features`. */
export async function openSignals(options: SignalRunOptions): Promise<SignalRun> {
  const tally: Tally = { broken: 0, rejected: new Map(), warm: 0, holes: 0, damaged: 0, nothingNew: false };
  const generator = new SignalGenerator({
    rules: options.rules,
    hash: (text) => createHash('sha256').update(text).digest('hex').slice(0, ID_LENGTH),
    rejected(rejection) {
      for (const reason of rejection.reasons) tally.rejected.set(reason, (tally.rejected.get(reason) ?? 0) + 1);
      options.rejected(rejection);
    },
  });
  const records = await open(options, generator, tally);
  return {
    records,
    summarize: (summary) => {
      const { rows: read, triggered } = generator.counts;
      summary.note({ rows: read, warm_rows: tally.warm, triggered, rejected: Object.fromEntries(tally.rejected) });
      if (tally.broken > 0) summary.incomplete(`${tally.broken} lines of the input are no records`);
      if (options.failOnGaps && tally.holes + tally.damaged > 0)
        summary.incomplete(`${tally.holes} unrepaired gaps came, ${tally.damaged} rows have one in their windows`);
      return notesOf(generator.counts, tally);
    },
  };
}

type Tally = {
  broken: number;
  readonly rejected: Map<string, number>;
  warm: number;
  /** Unrepaired gaps in the input, and rows that have one in their windows. */
  holes: number;
  damaged: number;
  nothingNew: boolean;
};

function notesOf({ rows, signals }: GeneratorCounts, { warm, nothingNew }: Tally): string[] {
  if (nothingNew) return ['nothing is new; rows come from mdtool features'];
  if (rows === 0) return [`${NO_FEATURES} came: ${WHERE_FROM}`];
  if (warm === 0 && signals === 0)
    return ['no row was warm: mdtool features tells what is missing, and --list how long each feature needs'];
  return [];
}

async function open(options: SignalRunOptions, generator: SignalGenerator, tally: Tally): Promise<AsyncIterable<AnyRecord[]>> {
  const { input, selection, every, stopped, warn } = options;
  if (input.length > 0 && every !== undefined) throw new UsageError('--follow reads the store: give no INPUT, or leave it out');
  if (input.length === 0) return ofStore(options, generator, tally);
  const broken = (reason: string) => {
    tally.broken += 1;
    if (tally.broken === 1) warn(reason);
  };
  return through(
    filtered(stoppedInput(input, { broken }, stopped), (record) => isSelected(record, selection)),
    generator,
    tally,
  );
}

/** Rows of the store: all, or with `remembers` those that no run before has looked at, once or for as long as it runs. */
async function* ofStore(options: SignalRunOptions, generator: SignalGenerator, tally: Tally): AsyncGenerator<AnyRecord[]> {
  const { store, selection, every, stopped, warn, remembers } = options;
  const rows = await import('../../lib/signals/store/feature-rows.js');
  const before = remembers ? await rows.remembered<readonly SymbolProgress[]>(store, selection) : undefined;
  const known = before && generator.resume(before.state) ? before.progress : undefined;
  if (before && known === undefined) warn(OTHER_RULES);
  const looks =
    every === undefined
      ? [await rows.unreadRows(store, selection, known)]
      : rows.followedLooks(store, selection, { known, every, stopped });
  let isFirst = true;
  for await (const look of looks) {
    if (look === undefined && known !== undefined && every === undefined) tally.nothingNew = true;
    if (look === undefined && known === undefined && isFirst && every !== undefined)
      warn(`${NO_FEATURES} in ${store} yet: ${WHERE_FROM}; waiting`);
    isFirst = false;
    if (look === undefined) continue;
    yield* through(look.records, generator, tally);
    // Only now everything that was given has been written.
    if (remembers) await rows.remember(store, selection, { progress: look.progress, state: generator.progress() });
  }
}

async function* through(
  input: AsyncIterable<AnyRecord[]>,
  generator: SignalGenerator,
  tally: Tally,
): AsyncGenerator<AnyRecord[]> {
  for await (const records of input) {
    const given: AnyRecord[] = [];
    for (const record of records) {
      if (record.type === 'features' && record.warm) tally.warm += 1;
      if (record.type === 'features' && record.gapInWindow) tally.damaged += 1;
      if (record.type === 'gap' && record.missing) tally.holes += 1;
      given.push(...generator.add(record));
    }
    if (given.length > 0) yield given;
  }
}
