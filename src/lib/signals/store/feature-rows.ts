import { type Progress, progressOf, unreadFiles } from '../../features/store/progress.js';
import { sleep } from '../../input/closing.js';
import type { AnyRecord } from '../../model/records.js';
import type { RecordSelection } from '../../model/selection.js';
import { changeMetadata } from '../../storage/log/metadata.js';
import type { StoredFile } from '../../storage/log/store-state.js';
import { readStore } from '../../storage/reading/store-reader.js';
import { openSnapshot, type StoreSnapshot } from '../../storage/reading/store-snapshot.js';

/** What a store remembers about judged rows: their files and the progress of each symbol. */
type LookedAt<State> = { readonly progress: Progress; readonly state: State };

/** Rows of one pass over the store, and the state to remember after all of them were emitted. */
type Look = { readonly records: AsyncGenerator<AnyRecord[]>; readonly progress: Progress };

/**
 * Returns the `features` of unread files and journals of a store, undefined when everything was read. Some rows may have
 * been read before; the caller skips them by its own progress.
 */
export async function unreadRows(
  directory: string,
  selection: RecordSelection,
  known: Progress | undefined,
): Promise<Look | undefined> {
  const snapshot = await openSnapshot(directory, { ...selection, types: ['features'] });
  try {
    const files = featureFiles(snapshot);
    const fresh = [...unreadFiles(known, files), ...snapshot.open('features')];
    if (fresh.length === 0) return undefined;
    const since =
      known === undefined ? selection.since : Math.max(selection.since ?? 0, Math.min(...fresh.map(({ min }) => min)));
    const until = Math.max(known?.until ?? 0, ...fresh.map(({ max }) => max));
    return { records: readStore(directory, { ...selection, since, types: ['features'] }), progress: progressOf(until, files) };
  } finally {
    await snapshot.close();
  }
}

/** Yields the result of `unreadRows` every `every` milliseconds until the step is stopped. */
export async function* followedLooks(
  directory: string,
  selection: RecordSelection,
  { known, every, stopped }: { readonly known: Progress | undefined; readonly every: number; readonly stopped: AbortSignal },
): AsyncGenerator<Look | undefined> {
  let progress = known;
  while (!stopped.aborted) {
    const look = await unreadRows(directory, selection, progress);
    yield look;
    progress = look?.progress ?? progress;
    await sleep(every, stopped);
  }
}

/** Returns the metadata key under which a store remembers the progress of a selection. */
function rememberedAs({ exchanges, markets, symbols }: RecordSelection): string {
  const chosen = [exchanges, markets, symbols].map((names) => (names ? [...names].sort().join(',') : '*'));
  return `signals.read.${chosen.join('.')}`;
}

/** Returns the remembered state of a store, undefined where there is none. */
export async function remembered<State>(directory: string, selection: RecordSelection): Promise<LookedAt<State> | undefined> {
  const snapshot = await openSnapshot(directory, { types: [] });
  await snapshot.close();
  const text = snapshot.state.metadata.get(rememberedAs(selection));
  return text === undefined ? undefined : (JSON.parse(text) as LookedAt<State>);
}

export async function remember<State>(directory: string, selection: RecordSelection, looked: LookedAt<State>): Promise<void> {
  await changeMetadata(directory, () => ({ [rememberedAs(selection)]: JSON.stringify(looked) }));
}

function featureFiles({ state }: StoreSnapshot): StoredFile[] {
  return [...state.partitions(new Set(['features']))].flatMap(({ files }) => files);
}
