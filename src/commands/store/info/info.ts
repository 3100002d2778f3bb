import { stat } from 'node:fs/promises';
import { counted } from '../../../lib/model/counted.js';
import { formatCount, formatSize } from '../../../lib/model/number-format.js';
import { formatTime } from '../../../lib/model/time.js';
import { copiedAt } from '../../../lib/storage/backup/backup.js';
import { freeBytes } from '../../../lib/storage/files/free-space.js';
import { describeOwner } from '../../../lib/storage/files/owner.js';
import { STORE_FORMAT, storeFormat, storePaths } from '../../../lib/storage/files/store-directory.js';
import { listJournals } from '../../../lib/storage/journal/journal.js';
import { goneWriters } from '../../../lib/storage/journal/writer-registry.js';
import { openStoreContext } from '../../../lib/storage/log/store-context.js';
import type { ResultColumn } from '../../../lib/storage/reading/query-result.js';
import { type Content, type ContentKey, contentBy } from '../../../lib/storage/reading/store-content.js';

/** A run that writes to a store, or has ended without a word. */
type Writer = { readonly step: string; readonly owner: string; readonly running: boolean };

/** A journal that is not sealed yet, bytes. */
type Journal = { readonly segment: string; readonly bytes: number; readonly abandoned: boolean };

type StoreFacts = {
  readonly store: string;
  /** Undefined for a directory that nothing was written to yet. */
  readonly format: number | undefined;
  readonly files: number;
  readonly bytes: number;
  readonly records_sealed: number;
  readonly free_bytes: number | undefined;
  readonly writers: readonly Writer[];
  readonly journals: readonly Journal[];
  /** ISO time of a backup. */
  readonly copied_at: string | undefined;
};

type StoreInfo = { readonly facts: StoreFacts; readonly content: readonly Content[] };

/** Reads what a store has. Throws as `findStore`. */
export async function readInfo(directory: string, by: readonly ContentKey[]): Promise<StoreInfo> {
  const paths = storePaths(directory);
  const format = await storeFormat(paths);
  const context = openStoreContext(paths);
  const content = await contentBy(context, by);
  const { files, writers, sealed } = await context.log.read();
  const gone = await goneWriters(context);
  const stored = [...files.values()];
  const journals: Journal[] = [];
  for (const { path, segment, holder } of await listJournals(paths.journal)) {
    if (sealed.has(segment)) continue;
    const bytes = (await stat(path).catch(() => undefined))?.size;
    if (bytes !== undefined) journals.push({ segment, bytes, abandoned: !writers.has(holder) || gone.has(holder) });
  }
  const at = await copiedAt(paths);
  const facts = {
    store: paths.location,
    format,
    files: stored.length,
    bytes: stored.reduce((sum, file) => sum + file.bytes, 0),
    records_sealed: stored.reduce((sum, { rows }) => sum + rows, 0),
    free_bytes: await freeBytes(paths.root),
    writers: [...writers].map(([id, { step, owner }]) => ({ step, owner: describeOwner(owner), running: !gone.has(id) })),
    journals,
    copied_at: at === undefined ? undefined : formatTime(at),
  };
  return { facts, content };
}

/** Returns the facts as lines for people. */
export function factLines({ facts }: StoreInfo): string[] {
  const { store, format, files, bytes, records_sealed: records, free_bytes: free, writers, journals, copied_at: copied } = facts;
  const size = `${counted(files, 'file')}, ${counted(records, 'record')}, ${formatSize(bytes)}`;
  const left = journals.filter(({ abandoned }) => abandoned).length;
  const pending = `${counted(journals.length, 'journal')}, ${formatSize(journals.reduce((sum, one) => sum + one.bytes, 0))} not sealed yet`;
  return [
    `store     ${store}`,
    `format    ${formatText(format)}`,
    `sealed    ${size}${free === undefined ? '' : `; ${formatSize(free)} free`}`,
    ...(copied === undefined ? [] : [`backup    as of ${copied}`]),
    ...writers.map(({ step, owner, running }) => `writer    "${step}" ${running ? 'is writing' : 'ended early'} (${owner})`),
    ...(journals.length === 0
      ? []
      : [`journals  ${pending}${left === 0 ? '' : `; ${left} of runs that ended early: mdtool store repair`}`]),
  ];
}

function formatText(format: number | undefined): string {
  if (format === undefined) return 'none yet: nothing was written to it';
  return format < STORE_FORMAT
    ? `${format}; mdtool store upgrade makes it ${STORE_FORMAT}, and so does the next step that writes`
    : `${format}`;
}

/** Returns the columns of a table of the content. */
export function contentColumns(by: readonly ContentKey[]): ResultColumn[] {
  const numbers = ['files', 'records', 'size'].map((name) => ({ name, kind: 'number' as const }));
  const texts = (names: readonly string[]) => names.map((name) => ({ name, kind: 'text' as const }));
  return [...texts(by), ...numbers, ...texts(['oldest', 'newest'])];
}

/** Returns the cells of one row, in the order of `contentColumns`. */
export function contentCells(content: Content, by: readonly ContentKey[]): string[] {
  const { files, records, bytes, oldest, newest } = content;
  const keys = by.map((key) => content[key] || '-');
  return [...keys, formatCount(files), formatCount(records), formatSize(bytes), formatTime(oldest), formatTime(newest)];
}
