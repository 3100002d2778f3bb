import { UsageError } from '../model/errors.js';
import type { AnyRecord } from '../model/records.js';
import { addressOf, isRedis } from '../redis/url.js';
import { type FileFormat, formatOf } from './formats.js';
import type { InputListener } from './input-listener.js';
import { expandPaths } from './paths.js';
import { READ_SHARE } from './read-share.js';

type Read = (path: string, listener: InputListener, stopped?: AbortSignal) => AsyncIterable<AnyRecord[]>;

const READERS: Readonly<Record<FileFormat | 'redis', () => Promise<Read>>> = {
  redis: async () => (await import('./redis-input.js')).readRedis,
  ndjson: async () => (await import('./ndjson-input.js')).readNdjson,
  json: async () => (await import('./json-input.js')).readJson,
  csv: async () => (await import('./csv-input.js')).readCsv,
  parquet: async () => (await import('./parquet-input.js')).readParquet,
};

/**
 * Returns the records of INPUT in batches, file by file in the order of `paths`: `-` is stdin (NDJSON), files are those of
 * `formatOf`, a Redis stream has an end only by `stopped`; globs are expanded, archives to their files. Every record is checked against the schema. Throws a
 * `UsageError` before any file is read when one has another format, a `FailureError` when one cannot be read.
 */
export async function* readInput(
  paths: readonly string[],
  listener: InputListener,
  stopped?: AbortSignal,
): AsyncGenerator<AnyRecord[]> {
  const files = await expandPaths(paths);
  const endless = files.find(isRedis);
  if (endless !== undefined && files.length > 1)
    throw new UsageError(`${addressOf(endless)}: has no end, and no other input can be read with it`);
  const formats = files.map((path) => (isRedis(path) ? 'redis' : formatOf(path)));
  await READ_SHARE.expect(files);
  for (const [index, path] of files.entries()) {
    const read = await READERS[formats[index] as FileFormat | 'redis']();
    yield* read(path, listener, stopped);
    await READ_SHARE.closed(path);
  }
}
