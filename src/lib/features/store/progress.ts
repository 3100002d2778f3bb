import { basename } from 'node:path';
import type { Partition } from '../../storage/files/partition.js';
import { expandSegments, uniteSegments } from '../../storage/files/segments.js';
import type { StoredFile, StoreState } from '../../storage/log/store-state.js';

/** What a step has read of some partitions of a store; the resulting rows exist up to `until` (microseconds). */
export type Progress = {
  readonly until: number;
  readonly files: readonly string[];
  /** The files have records after `until` of which rows could be made by now: the run was stopped before. */
  readonly isPartial?: boolean;
};

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

/** What the names of a market's progress begin with. */
export function progressName(exchange: string, market: string): string {
  return `features.read.${exchange}.${market}`;
}

/**
 * Returns the progress of the markets whose rows were lost, as if what was stored in their time had not been read: the
 * next run makes them again.
 */
export function unreadMetadata(state: StoreState, lost: readonly LostRows[]): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, text] of state.metadata) {
    const own = lost.filter(({ partition: { type, exchange, market } }) => {
      return (type === 'micro' || type === 'features') && `${name}.`.startsWith(`${progressName(`${exchange}`, `${market}`)}.`);
    });
    if (own.length === 0) continue;
    const progress = JSON.parse(text) as Progress;
    const unread = [...state.partitions()].flatMap(({ partition, files }) => {
      const isOwn = own.some((one) => one.partition.exchange === partition.exchange && one.partition.market === partition.market);
      return isOwn ? files.filter((file) => own.some(({ file: rows }) => file.min <= rows.max && file.max >= rows.min)) : [];
    });
    metadata[name] = JSON.stringify(progressWithout(progress, unread));
  }
  return metadata;
}

type LostRows = { readonly partition: Partition; readonly file: Pick<StoredFile, 'min' | 'max'> };

function progressWithout({ files, ...progress }: Progress, unread: readonly StoredFile[]): Progress {
  const names = new Set(unread.flatMap((file) => (isRewritten(file) ? [file.path] : expandSegments(file.segments))));
  const paths = files.filter((name) => REWRITTEN.test(basename(name)));
  const segments = expandSegments(files.filter((name) => !paths.includes(name)));
  return {
    ...progress,
    files: [...uniteSegments([segments.filter((id) => !names.has(id))]), ...paths.filter((path) => !names.has(path))],
  };
}

/** Returns what a store remembers under a name, undefined where it does not. */
export function storedProgress({ metadata }: StoreState, name: string): Progress | undefined {
  const text = metadata.get(name);
  return text === undefined ? undefined : (JSON.parse(text) as Progress);
}

function isRewritten({ path }: StoredFile): boolean {
  return REWRITTEN.test(basename(path));
}
