import { MINUTE } from '../../model/time.js';
import { parquetFiles } from '../../storage/database/record-load.js';
import { keyExpressions } from '../../storage/database/record-table.js';
import { type Partition, partitionOf, partitionPath } from '../../storage/files/partition.js';
import { absolutePath, type StoreContext } from '../../storage/log/store-context.js';
import { checkFile } from '../../storage/reading/file-check.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import type { Finding } from '../day.js';
import type { FileFinding } from './file-findings.js';

/** Maximum age (milliseconds) of a file that a running writer may still be about to put into the log. */
const YOUNG_MS = MINUTE / 1000;
/** Names that mdtool uses. An interrupted run leaves files with these names; the next writer deletes them after an hour. */
const OWN_NAME = /\/(?:\d{8}T\d{6}[0-9a-f]{8}-\d+\.[0-9a-f]{6}|(?:merged|derived|compacted)-[0-9a-f]{12})\.parquet$/;

/** Files in the directories of a store that are not in its log, by the path of their partition. */
export async function findStrays(inspection: StoreInspection): Promise<Map<string, string[]>> {
  const strays = new Map<string, string[]>();
  const { writers } = await inspection.context.log.read();
  for (const path of await inspection.strayFiles()) {
    if (writers.size > 0 && (await isYoung(inspection.context, path))) continue;
    const partition = path.slice(0, path.lastIndexOf('/'));
    strays.set(partition, [...(strays.get(partition) ?? []), path]);
  }
  return strays;
}

async function isYoung(context: StoreContext, path: string): Promise<boolean> {
  const age = await context.paths.files.age(absolutePath(context, path)).catch(() => undefined);
  return age === undefined || age < YOUNG_MS;
}

/** Returns the partition of a directory below the store, undefined when it has none. */
export function partitionOfDirectory(directory: string): Partition | undefined {
  const partition = partitionOf(`${directory}/`);
  return partition.date !== undefined && partitionPath(partition) === directory ? partition : undefined;
}

/** Returns the findings about a file that is not in the log: it repeats records of its partition, or has others. */
export async function strayFindings(
  inspection: StoreInspection,
  inspected: InspectedPartition,
  path: string,
): Promise<FileFinding[]> {
  const { type } = inspected.partition;
  const absolute = absolutePath(inspection.context, path);
  const start = Date.parse(`${inspected.partition.date}T00:00:00Z`) * 1000;
  const damage = await checkFile(inspection.database, absolute, type, { bytes: -1 });
  if (damage?.kind !== 'changed') {
    const detail = `${absolute} is not a file of the store and ${damage?.reason ?? 'cannot be read'}; move it away`;
    return [{ path: absolute, symbols: undefined, finding: { from: start, until: start + 1, verdict: 'suspect', detail } }];
  }
  const key = `hash(${keyExpressions(type).join(', ')})`;
  const known = inspected.files.length > 0 || inspected.open ? inspection.relation(inspected) : '(SELECT 0 AS key WHERE false)';
  const keys = inspected.files.length > 0 || inspected.open ? `SELECT ${key} FROM ${known}` : `SELECT key FROM ${known}`;
  const rows = await inspection.database.rows(
    `SELECT "symbol", count(*) AS records, count(*) FILTER (key NOT IN (${keys})) AS fresh, epoch_us(min("timestamp")) AS first,
       epoch_us(max("timestamp")) AS last FROM (SELECT "symbol", "timestamp", ${key} AS key FROM ${parquetFiles([absolute])})
     GROUP BY ALL ORDER BY ALL`,
  );
  return rows.map((row) => {
    const content = { records: Number(row.records), fresh: Number(row.fresh), first: Number(row.first), last: Number(row.last) };
    return { path: absolute, symbols: [String(row.symbol)], finding: strayFinding(absolute, path, content) };
  });
}

type StrayContent = { readonly records: number; readonly fresh: number; readonly first: number; readonly last: number };

function strayFinding(absolute: string, path: string, { records, fresh, first, last }: StrayContent): Finding {
  const span = { from: first, until: last + 1, duplicates: records - fresh };
  if (fresh > 0) {
    const what = `${absolute} is unknown to the log of the store and holds ${fresh} records that the store does not have`;
    return {
      ...span,
      verdict: 'mismatch',
      detail: `${what}: the log may have lost its last changes, or the file is from elsewhere`,
    };
  }
  const copy = `${absolute} is a copy of ${records} stored records: other tools that read the directory count them twice`;
  if (!OWN_NAME.test(path)) return { ...span, verdict: 'mismatch', detail: `${copy}; mdtool compact retires it, or delete it` };
  return {
    ...span,
    verdict: 'suspect',
    detail: `${copy}; an interrupted run left it; mdtool deletes it after an hour`,
  };
}
