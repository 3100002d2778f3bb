import type { InputListener } from '../../input/input-listener.js';
import { stoppedInput } from '../../input/stopped-input.js';
import type { AnyRecord } from '../../model/records.js';
import { filtered, isSelected, type RecordSelection } from '../../model/selection.js';
import { FEATURE_INPUTS } from './feature-step.js';

type TrialSource = {
  /** Empty: the store. */
  readonly input: readonly string[];
  readonly store: string;
  readonly selection: RecordSelection;
  readonly stopped: AbortSignal;
  readonly listener: InputListener;
};

/** Returns the records of the source that features are built from; existing rows are skipped. */
export async function readTrialRecords({ input, store, selection, stopped, listener }: TrialSource): Promise<AnyRecord[]> {
  const source = input.length > 0 ? stoppedInput(input, listener, stopped) : await stored(store, selection);
  const types = new Set<string>(FEATURE_INPUTS.filter((type) => type !== 'micro'));
  const found: AnyRecord[] = [];
  for await (const records of filtered(source, (record) => isSelected(record, selection))) {
    for (const record of records) if (types.has(record.type)) found.push(record);
  }
  return found;
}

async function stored(store: string, selection: RecordSelection): Promise<AsyncIterable<AnyRecord[]>> {
  const { readStore } = await import('../../storage/reading/store-reader.js');
  return readStore(store, { ...selection, types: FEATURE_INPUTS.filter((type) => type !== 'micro' && type !== 'clock') });
}

/** Returns `count` shares of the time, one in each part of it, drawn from `seed` (a linear congruential generator). */
export function spreadCuts(count: number, seed: number): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, (_, index) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (index + state / 2 ** 32) / count;
  });
}
