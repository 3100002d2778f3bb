import { mayOverlap, type StoredFile } from './store-state.js';

/** Files of one partition, told apart by whether their rows have to be chosen by key. */
export type FileGroups = {
  /** No row of these is in another file. */
  readonly plain: readonly StoredFile[];
  /** Of rows with the same key in these, one counts. */
  readonly overlapping: readonly StoredFile[];
};

/** Returns the files of a partition, those that an overlay overlaps apart from the rest. */
export function groupFiles(files: readonly StoredFile[]): FileGroups {
  const overlays = files.filter(({ overlay }) => overlay);
  if (overlays.length === 0) return { plain: files, overlapping: [] };
  const overlapping = new Set(files.filter((file) => overlays.some((overlay) => overlay === file || mayOverlap(overlay, file))));
  return { plain: files.filter((file) => !overlapping.has(file)), overlapping: [...overlapping] };
}
