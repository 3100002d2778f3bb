import { createHash } from 'node:crypto';
import { constants, copyFile, type FileHandle, link, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { leaveAtExit, removeAtExit } from '../../disk/exit-cleanup.js';
import type { RecordType } from '../../model/records.js';
import { fetchStoredFile } from '../files/bucket-files.js';
import { createDirectory, isMissing, publishFile, storageFailure, temporaryName } from '../files/durable-file.js';
import { retiredPath } from '../files/stored-file.js';
import { type Database, sqlName, sqlText } from './duckdb.js';
import { fileOrder, tableColumns } from './record-table.js';

/** Rows per row group. Small groups, with rows sorted by symbol: a query of one symbol decodes only a few. */
const ROW_GROUP = 32_768;
/** One group holds a day of seconds of one symbol; writing is a seventh faster than with small groups and dictionaries. */
const DENSE = 'ROW_GROUP_SIZE 122880, DICTIONARY_SIZE_LIMIT 100';

/** A dictionary of a few hundred prices takes longer to look up than it saves. */
const FAST = ', COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 100';

/** Rows to write to a Parquet file: any relation with the columns of the type. */
type ParquetSource = {
  readonly type: RecordType;
  readonly relation: string;
  /** Key-value metadata of the file, for tools that find it without the store. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Whether to sort rows by symbol and order (default); false when they already have the wanted order. */
  readonly sorted?: boolean;
  /** A shorter key that sorts these rows in the same way. */
  readonly order?: string | undefined;
  /** Whether few symbols have many rows with mostly distinct numbers: larger groups, no dictionary. */
  readonly dense?: boolean;
  /** Whether to compress at the lowest level: a fifth less time and the same size for long files of trades. */
  readonly fast?: boolean;
  /** Values that all rows share, by column: they are not sorted with the rows, which takes an eighth less time. */
  readonly constants?: Readonly<Record<string, string | null>>;
  /** Checks the file before it gets its name; if it throws, the file does not appear. */
  readonly inspect?: (path: string) => Promise<void>;
};

/** A written file; `sha256` is the digest of its bytes, hexadecimal. */
type WrittenParquet = { readonly rows: number; readonly bytes: number; readonly sha256: string };

/** A Parquet file under a temporary name. */
export type PendingParquet = {
  readonly rows: number;
  /** Gives the file its name. */
  publish(): Promise<void>;
  /** Removes the file unless it is published; never throws. */
  discard(): Promise<void>;
};

/** Writes a Parquet file (zstd) that appears whole under its name. */
export async function writeParquet(database: Database, path: string, source: ParquetSource): Promise<WrittenParquet> {
  return await publishAs(path, source.inspect, (temporary) => copyToParquet(database, temporary, source));
}

/** Gives the rows of `parquetStatement` at another path this one as well; `rows` is their number. */
export async function adoptParquet(
  path: string,
  { from, rows, inspect }: { readonly from: string; readonly rows: number; readonly inspect: () => Promise<void> },
): Promise<WrittenParquet> {
  return await publishAs(path, inspect, async (temporary) => {
    // Another file system has no link to it.
    await link(from, temporary).catch(() => copyFile(from, temporary, constants.COPYFILE_FICLONE));
    return rows;
  });
}

async function publishAs(
  path: string,
  inspect: ParquetSource['inspect'],
  write: (temporary: string) => Promise<number>,
): Promise<WrittenParquet> {
  const temporary = temporaryName(path);
  try {
    await createDirectory(dirname(path));
    const rows = await write(temporary);
    const { size: bytes } = await stat(temporary);
    const sha256 = await fileDigest(temporary);
    await inspect?.(temporary);
    await publishFile(temporary, path);
    return { rows, bytes, sha256 };
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw storageFailure(error, 'write', path);
  }
}

/** Writes a Parquet file like `writeParquet`, which gets its name later. A forced exit removes it. */
export async function stageParquet(database: Database, path: string, source: ParquetSource): Promise<PendingParquet> {
  const temporary = temporaryName(path);
  removeAtExit(temporary);
  const discard = async () => {
    leaveAtExit(temporary);
    await rm(temporary, { force: true }).catch(() => {});
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      await discard();
      throw storageFailure(error, 'write', path);
    }
  };
  const rows = await guarded(async () => {
    await createDirectory(dirname(path));
    return await copyToParquet(database, temporary, source);
  });
  const publish = () =>
    guarded(async () => {
      await publishFile(temporary, path);
      leaveAtExit(temporary);
    });
  return { rows, publish, discard };
}

/** Writes a Parquet file in place; a killed process leaves half a file. Returns the number of rows. */
async function copyToParquet(database: Database, path: string, source: ParquetSource): Promise<number> {
  return await database.number(parquetStatement(path, source));
}

/** Returns the statement that writes a Parquet file in place. */
export function parquetStatement(path: string, source: ParquetSource): string {
  const { type, metadata = {}, dense = false, fast = false } = source;
  const facts = Object.entries({ mdtool_type: type, ...metadata }).map(([key, value]) => `${key}: ${sqlText(value)}`);
  return `COPY (${rowsOf(source)}) TO ${sqlText(path)}
     (FORMAT parquet, COMPRESSION zstd${fast ? FAST : ''}, ${dense ? DENSE : `ROW_GROUP_SIZE ${ROW_GROUP}`}, USE_TMP_FILE false, KV_METADATA {${facts.join(', ')}})`;
}

function rowsOf({ type, relation, sorted = true, order = fileOrder(type), constants = {} }: ParquetSource): string {
  const names = tableColumns(type).map(({ name }) => name);
  const own = names.filter((name) => !(name in constants)).map(sqlName);
  const rows = `SELECT ${own.join(', ')} FROM ${relation} ${sorted ? `ORDER BY ${order}` : ''}`;
  if (own.length === names.length) return rows;
  const constant = (name: string) => (constants[name] == null ? 'NULL::VARCHAR' : sqlText(constants[name]));
  const columns = names.map((name) => (name in constants ? `${constant(name)} AS ${sqlName(name)}` : sqlName(name)));
  return `SELECT ${columns.join(', ')} FROM (${rows})`;
}

/** Returns the SHA-256 of a stored file, hexadecimal; also of one that was retired meanwhile. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await openStored(path);
  await pipeline(file.createReadStream({ highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

async function openStored(path: string): Promise<FileHandle> {
  await fetchStoredFile(path);
  return await open(path).catch((error) => (isMissing(error) ? open(retiredPath(path)) : Promise.reject(error)));
}
