import { join } from 'node:path';
import { isBucketUrl } from '../bucket/bucket-url.js';
import { runNames } from '../execution/store/run-names.js';
import { backupRun, runDirectory } from '../execution/store/sqlite-store.js';
import { counted } from '../model/counted.js';
import { formatSize } from '../model/number-format.js';
import type { CopyReport, Extra } from '../storage/backup/copy.js';
import { createScratch, removeScratch } from '../storage/files/scratch.js';
import { ProgressLine, type ProgressOptions } from './progress.js';

/** Copies of the journals of grid runs, until they are closed. */
export type RunCopies = { readonly extras: readonly Extra[]; close(): Promise<void> };

/** Copies the journals of the grid runs of a store, while they run. A bucket has none, and takes none. */
export async function runCopies(store: string, dest: string, notice: (text: string) => void): Promise<RunCopies> {
  const names = isBucketUrl(store) ? [] : runNames(store);
  if (names.length === 0) return { extras: [], close: async () => {} };
  if (isBucketUrl(dest)) {
    notice(
      `${counted(names.length, 'grid run')} not copied: a bucket takes no journals of runs; mdtool grid status NAME --backup FILE`,
    );
    return { extras: [], close: async () => {} };
  }
  const aside = await createScratch('runs');
  const close = () => removeScratch(aside);
  try {
    const extras: Extra[] = [];
    for (const name of names) {
      const from = join(aside, `${name}.db`);
      await backupRun(runDirectory(store, name), from);
      extras.push({ path: `state/runs/${name}/run.db`, from });
    }
    return { extras, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What a copy of a store says of itself. */
export const copyText = {
  line: ({ files, records, bytes, newFiles, newBytes }: CopyReport): string =>
    `${counted(records, 'record')} in ${counted(files, 'file')}, ${formatSize(bytes)} (${formatSize(newBytes)} new in ${counted(newFiles, 'file')})`,
  facts: ({ files, records, bytes, newFiles, newBytes }: CopyReport) => ({
    files,
    stored_records: records,
    bytes,
    new_files: newFiles,
    new_bytes: newBytes,
  }),
};

/** Progress of a copy by its bytes. */
export class CopyProgress {
  readonly #name: string;
  readonly #options: ProgressOptions;
  #line: ProgressLine | undefined;

  constructor(name: string, options: ProgressOptions) {
    this.#name = name;
    this.#options = options;
  }

  readonly update = (done: number, all: number): void => {
    this.#line ??= new ProgressLine(this.#options);
    this.#line.update(() => `${this.#name}: ${formatSize(done)} of ${formatSize(all)}`);
  };

  end(): void {
    this.#line?.end();
    this.#line = undefined;
  }
}
