import { createHash } from 'node:crypto';
import { BrokenLines } from '../../input/broken-lines.js';
import { isPiped } from '../../input/paths.js';
import { stoppedInput } from '../../input/stopped-input.js';
import type { StepRequest, StepRun, StoreStep } from '../../input/store-step.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord, RecordOf } from '../../model/records.js';
import { filtered, isSelected } from '../../model/selection.js';
import { seriesKey } from '../../model/series.js';
import {
  type GeneratorCounts,
  type GeneratorOptions,
  type Rejection,
  SignalGenerator,
  type SymbolProgress,
} from '../generator.js';
import { type FeatureFiles, openFeatureFiles } from './feature-files.js';
import { followedLooks, remember, remembered, unreadRows } from './feature-rows.js';

export type SignalRequest = StepRequest & {
  readonly rules: GeneratorOptions['rules'];
  /** Milliseconds between two passes over the store, undefined for a single pass. */
  readonly every: number | undefined;
  readonly rejected: (rejection: Rejection) => void;
  /** Called when the store has no rows to read yet, or rows that were judged by other rules. */
  readonly onNotice: (notice: 'no rows yet' | 'other rules') => void;
};

/** Facts about a run of `signals`. */
export type SignalReport = {
  readonly counts: GeneratorCounts;
  /** Lines and rows of INPUT that are not records. */
  readonly broken: { readonly count: number };
  readonly rejected: Map<string, number>;
  /** Rows with every feature that signals use. */
  warm: number;
  /** The last row of each symbol that is not warm, by its name. */
  readonly cold: Map<string, RecordOf<'features'>>;
  /** Unrepaired gaps in the input. */
  gaps: number;
  /** Rows with an unrepaired gap in their windows. */
  damaged: number;
  /** Whether an earlier run has judged every row. */
  isUpToDate: boolean;
};

/** Sixteen hexadecimal digits: short to read, and long enough that two signals never share an id. */
const ID_LENGTH = 16;

/** Returns the short hash of a text that ids of signals are made of. */
export function hashOfSignal(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, ID_LENGTH);
}

/** The step `signals`: over a store it judges each row once. */
export const signalStep: StoreStep<SignalRequest, SignalReport> = {
  name: 'signals',

  overInput(request) {
    const { every, warn } = request;
    if (every !== undefined) throw new UsageError('--follow reads the store: remove INPUT or --follow');
    const broken = new BrokenLines(warn);
    const judge = new Judge(request, broken);
    return { records: inputRows(request, judge, broken), report: judge.report };
  },

  besideStore: (request) => runOverStore(request, false),

  // A run over a part of the time must not count as progress of the whole.
  intoStore: (_, request) =>
    runOverStore(request, request.selection.since === undefined && request.selection.until === undefined),

  async keepRules() {},
};

async function* inputRows(request: SignalRequest, judge: Judge, broken: BrokenLines): AsyncGenerator<AnyRecord[]> {
  const { input, selection, stopped, rules } = request;
  const files = isPiped(input) ? undefined : await openFeatureFiles(input, selection, rules);
  if (!files) {
    const listener = { broken: (reason: string) => broken.broken(reason), noted: request.warn, resumed: request.warn };
    yield* judge.through(filtered(stoppedInput(input, listener, stopped), (record) => isSelected(record, selection)));
    return;
  }
  try {
    yield* judge.throughFiles(files, stopped);
  } finally {
    await files.close();
  }
}

function runOverStore(request: SignalRequest, remembers: boolean): StepRun<SignalReport> {
  const judge = new Judge(request, { count: 0 });
  return { records: storeRows(request, judge, remembers), report: judge.report };
}

/** Judges the rows of a store: all, or with `remembers` those that no earlier run has judged. */
async function* storeRows(request: SignalRequest, judge: Judge, remembers: boolean): AsyncGenerator<AnyRecord[]> {
  const { directory, selection, every, stopped, onNotice } = request;
  const before = remembers ? await remembered<readonly SymbolProgress[]>(directory, selection) : undefined;
  const known = before && judge.generator.resume(before.state) ? before.progress : undefined;
  if (before && known === undefined) onNotice('other rules');
  const looks =
    every === undefined
      ? [await unreadRows(directory, selection, known)]
      : followedLooks(directory, selection, { known, every, stopped });
  let isFirst = true;
  for await (const look of looks) {
    if (look === undefined && known !== undefined && every === undefined) judge.report.isUpToDate = true;
    if (look === undefined && known === undefined && isFirst && every !== undefined) onNotice('no rows yet');
    isFirst = false;
    if (look === undefined) continue;
    yield* judge.through(look.records);
    // Rows are only marked as read when all signals that follow from them have been written.
    if (remembers) await remember(directory, selection, { progress: look.progress, state: judge.generator.progress() });
  }
}

/** Feeds rows through a generator and counts what happens to them. */
class Judge {
  readonly generator: SignalGenerator;
  readonly report: SignalReport;

  constructor({ rules, rejected }: SignalRequest, broken: SignalReport['broken']) {
    const counted = new Map<string, number>();
    this.generator = new SignalGenerator({
      rules,
      hash: hashOfSignal,
      rejected(rejection) {
        for (const reason of rejection.reasons) counted.set(reason, (counted.get(reason) ?? 0) + 1);
        rejected(rejection);
      },
    });
    const { counts } = this.generator;
    this.report = { counts, broken, rejected: counted, warm: 0, cold: new Map(), gaps: 0, damaged: 0, isUpToDate: false };
  }

  async *through(input: AsyncIterable<AnyRecord[]>): AsyncGenerator<AnyRecord[]> {
    for await (const records of input) {
      const signals: AnyRecord[] = [];
      for (const record of records) {
        if (record.type === 'features') this.#observe(record);
        if (record.type === 'gap' && record.missing) this.report.gaps += 1;
        signals.push(...this.generator.add(record));
      }
      if (signals.length > 0) yield signals;
    }
  }

  async *throughFiles({ facts, triggered }: FeatureFiles, stopped: AbortSignal): AsyncGenerator<AnyRecord[]> {
    let skipped = facts.rows;
    this.report.warm = facts.warm;
    this.report.damaged = facts.damaged;
    for (const row of facts.cold) this.report.cold.set(seriesKey(row), row);
    for await (const records of triggered()) {
      if (stopped.aborted) return;
      skipped -= records.length;
      const signals = records.flatMap((record) => this.generator.add(record));
      if (signals.length > 0) yield signals;
    }
    this.generator.skip(skipped);
  }

  #observe(row: RecordOf<'features'>): void {
    const { cold } = this.report;
    if (row.gapInWindow) this.report.damaged += 1;
    if (row.warm) this.report.warm += 1;
    if (!row.warm) cold.set(seriesKey(row), row);
    else if (cold.size > 0) cold.delete(seriesKey(row));
  }
}
