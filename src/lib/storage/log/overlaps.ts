import { mayOverlap, type StoredFile } from './store-state.js';

/** Files of one partition, grouped by whether several may hold rows with the same key. */
type FileGroups = {
  /** Files that share no row with another file: they are read as they are. */
  readonly plain: readonly StoredFile[];
  /** Files that may share rows: readers keep one row per key. */
  readonly overlapping: readonly StoredFile[];
};

/** Groups the files of a partition: overlays with the files they overlap, and the rest. */
export function groupFiles(files: readonly StoredFile[]): FileGroups {
  const overlays = files.filter(({ overlay }) => overlay);
  if (overlays.length === 0) return { plain: files, overlapping: [] };
  const overlapping = new Set(files.filter((file) => overlays.some((overlay) => overlay === file || mayOverlap(overlay, file))));
  return { plain: files.filter((file) => !overlapping.has(file)), overlapping: [...overlapping] };
}
