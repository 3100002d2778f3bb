import type { AnyRecord } from '../../model/records.js';
import { MINUTE } from '../../model/time.js';
import { readStore } from '../../storage/store-reader.js';
import { sleep } from '../closing.js';
import type { FeatureSelection } from './stored-features.js';

/** Rows that come to the store so much later than others are still seen. */
const OVERLAP = 5 * MINUTE;

/**
 * Returns the `features` of a store, first those that are there, then what comes, looked for every `every` milliseconds,
 * until the step is stopped. Rows near the end are given again and again: who reads them knows what it has seen.
 * `onEmpty` is told once when there is nothing at first.
 */
export async function* followedRows(
  directory: string,
  selection: FeatureSelection,
  { every, stopped, onEmpty }: { readonly every: number; readonly stopped: AbortSignal; readonly onEmpty: () => void },
): AsyncGenerator<AnyRecord[]> {
  let last = 0;
  let isFirst = true;
  while (!stopped.aborted) {
    const since = last === 0 ? selection.since : Math.max(selection.since ?? 0, last - OVERLAP);
    for await (const records of readStore(directory, { ...selection, since, types: ['features'] })) {
      last = Math.max(last, records.at(-1)?.timestamp ?? 0);
      yield records;
    }
    if (isFirst && last === 0) onEmpty();
    isFirst = false;
    await sleep(every, stopped);
  }
}
