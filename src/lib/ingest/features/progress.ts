import { basename } from 'node:path';
import { expandSegments, uniteSegments } from '../../storage/segments.js';
import type { StoredFile, StoreState } from '../../storage/store-state.js';

/** What a step has read of some partitions of a store: the rows that follow are there up to `until` (microseconds). */
export type Progress = { readonly until: number; readonly files: readonly string[] };

/** Files of derived rows are written anew under another name; all others are known by their segments, merged or not. */
const REWRITTEN = /^derived-/;

/** Returns what is remembered when all of some files have been read. */
export function progressOf(until: number, files: readonly StoredFile[]): Progress {
  const [rewritten, sealed] = [files.filter(isRewritten), files.filter((file) => !isRewritten(file))];
  const segments = uniteSegments(sealed.map((file) => file.segments));
  return { until, files: [...segments, ...rewritten.map(({ path }) => path).sort()] };
}

/** Returns the files that hold something that has not been read; all of them where nothing is known. */
export function unreadFiles(known: Progress | undefined, files: readonly StoredFile[]): StoredFile[] {
  const paths = new Set(known?.files.filter((name) => REWRITTEN.test(basename(name))));
  const segments = new Set(expandSegments(known?.files.filter((name) => !paths.has(name)) ?? []));
  return files.filter((file) => {
    if (isRewritten(file)) return !paths.has(file.path);
    return known === undefined || expandSegments(file.segments).some((id) => !segments.has(id));
  });
}

/** Returns what a store remembers under a name, undefined where it does not. */
export function storedProgress({ settings }: StoreState, name: string): Progress | undefined {
  const text = settings.get(name);
  return text === undefined ? undefined : (JSON.parse(text) as Progress);
}

function isRewritten({ path }: StoredFile): boolean {
  return REWRITTEN.test(basename(path));
}
