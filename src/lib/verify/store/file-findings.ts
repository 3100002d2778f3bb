import type { RecordType } from '../../model/records.js';
import { formatTime } from '../../model/time.js';
import { absolutePath } from '../../storage/log/store-context.js';
import type { StoredFile } from '../../storage/log/store-state.js';
import { checkFile, type FileDamage } from '../../storage/reading/file-check.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import type { Finding } from '../day.js';
import { wayOut } from './channels.js';

/** A finding about a file. It concerns the symbols in the file, or all of the day where they are unknown. */
export type FileFinding = { readonly path: string; readonly symbols: readonly string[] | undefined; readonly finding: Finding };

/** The readable files of a partition, and the findings about all of its files. */
export type CheckedFiles = { readonly readable: readonly StoredFile[]; readonly findings: readonly FileFinding[] };

/** Number of files that are read in parallel. */
const PARALLEL = 4;

/** Findings by file. Files never change, and each is requested more than once. */
const CHECKED = new WeakMap<StoreInspection, Map<string, Promise<FileDamage | undefined>>>();

function damageOf(inspection: StoreInspection, type: RecordType, file: StoredFile): Promise<FileDamage | undefined> {
  const checked = CHECKED.get(inspection) ?? new Map<string, Promise<FileDamage | undefined>>();
  CHECKED.set(inspection, checked);
  const path = absolutePath(inspection.context, file);
  const damage = checked.get(path) ?? checkFile(inspection.database, path, type, file);
  checked.set(path, damage);
  return damage;
}

/** Compares the files of a partition with the log. */
export async function checkFiles(inspection: StoreInspection, inspected: InspectedPartition): Promise<CheckedFiles> {
  const { partition, files } = inspected;
  const damages = new Map<StoredFile, FileDamage | undefined>();
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift())
      damages.set(file, await damageOf(inspection, partition.type, file));
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  const findings = files.flatMap((file) => {
    const damage = damages.get(file);
    return damage ? [damageFinding(inspection, inspected, file, damage)] : [];
  });
  const readable = files.filter((file) => !damages.get(file) || damages.get(file)?.kind === 'changed');
  return { readable, findings };
}

function damageFinding(
  inspection: StoreInspection,
  { partition }: InspectedPartition,
  file: StoredFile,
  { kind, reason }: FileDamage,
): FileFinding {
  const path = absolutePath(inspection.context, file);
  const what = `${file.rows} ${partition.type} records from ${formatTime(file.min)} to ${formatTime(file.max)}`;
  const span = { from: file.min, until: file.max + 1 };
  const finding: Finding =
    kind === 'changed'
      ? { ...span, verdict: 'mismatch', detail: `${path} ${reason}: ${what}; ${wayOut(partition)}` }
      : {
          ...span,
          verdict: 'hole',
          isEmpty: true,
          detail: `${path} ${reason}: ${what}; reads will fail until it is restored; ${wayOut(partition)}`,
        };
  return { path, symbols: file.symbols, finding };
}

/** The content of a file. */
type FileContent = { rows: number; min: number; max: number; symbols: Set<string>; foreign: number };

/** Returns how the content of a file contradicts the log, undefined when it does not. */
export function contentFinding(path: string, type: RecordType, file: StoredFile, content: FileContent): FileFinding | undefined {
  const { rows, min, max, symbols, foreign } = content;
  const unlisted = file.symbols ? [...symbols].filter((symbol) => !file.symbols?.includes(symbol)) : [];
  const reasons = [
    rows === file.rows ? '' : `${rows} rows instead of ${file.rows}`,
    min === file.min && max === file.max ? '' : `records from ${formatTime(min)} to ${formatTime(max)}`,
    foreign > 0 ? `${foreign} rows of another partition` : '',
    unlisted.length > 0 ? `symbols that are not its own (${unlisted.slice(0, 3).join(', ')})` : '',
  ].filter((reason) => reason !== '');
  if (reasons.length === 0) return undefined;
  const expected = `${file.rows} ${type} records from ${formatTime(file.min)} to ${formatTime(file.max)}`;
  return {
    path,
    symbols: file.symbols,
    finding: {
      from: file.min,
      until: file.max + 1,
      verdict: 'mismatch',
      detail: `${path} differs from what was written (${reasons.join(', ')}; expected ${expected}); restore it from a backup`,
    },
  };
}
