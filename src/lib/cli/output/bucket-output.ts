import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bucket } from '../../bucket/bucket.js';
import { accessOf, parseBucketUrl } from '../../bucket/bucket-url.js';
import { leaveAtExit, removeAtExit } from '../../disk/exit-cleanup.js';
import { MdtoolError, UsageError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import type { RowTable } from '../../storage/database/row-table.js';
import type { TableTaker } from './database-sink.js';

const PLACEHOLDER = '{type}';

/** Files that are written to this machine first and appear in a bucket when they are whole. */
export class BucketOutput {
  /** The path that the format writes; with `{type}`, one file per type. */
  readonly path: string;
  readonly #output: string;
  readonly #force: boolean;
  readonly #bucket: Bucket;
  readonly #folder: string;

  private constructor(output: string, force: boolean, bucket: Bucket, folder: string) {
    this.#output = output;
    this.#force = force;
    this.#bucket = bucket;
    this.#folder = folder;
    this.path = join(folder, nameOf(parseBucketUrl(output).key));
    removeAtExit(folder);
  }

  /** Throws a `UsageError` when an object exists and `force` is not set. */
  static async open(output: string, force: boolean): Promise<BucketOutput> {
    const { bucket: name, key } = parseBucketUrl(output);
    const bucket = new Bucket(accessOf(process.env), name);
    const keys = key.includes(PLACEHOLDER) ? RECORD_TYPES.map((type) => key.replaceAll(PLACEHOLDER, type)) : [key];
    if (!force)
      await Promise.all(
        keys.map(async (one) => {
          if (await bucket.facts(one)) throw existing(`s3://${name}/${one}`);
        }),
      );
    return new BucketOutput(output, force, bucket, await mkdtemp(join(tmpdir(), 'mdtool-output-')));
  }

  /** Copies the files into the bucket. Throws a `UsageError` when another process created one of them meanwhile. */
  async publish(): Promise<void> {
    for (const name of (await readdir(this.#folder)).sort()) {
      const key = keyOf(name);
      if (!(await this.#bucket.upload(join(this.#folder, name), key, !this.#force)))
        throw existing(`s3://${this.#bucket.name}/${key}`);
    }
    await this.discard();
  }

  async discard(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true }).catch(() => {});
    leaveAtExit(this.#folder);
  }

  /** Returns what `work` returns. Its errors name the object, not the file on this machine. */
  async guarded<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof MdtoolError) error.message = error.message.replaceAll(this.path, this.#output);
      throw error;
    }
  }
}

/** Returns a sink for objects of a bucket, which `open` writes as files. They appear when the sink is closed. */
export async function createBucketSink(
  output: string,
  force: boolean,
  open: (path: string) => Promise<TableTaker>,
): Promise<TableTaker> {
  const target = await BucketOutput.open(output, force);
  const sink = await target
    .guarded(() => open(target.path))
    .catch(async (error) => {
      await target.discard();
      throw error;
    });
  const abort = async () => {
    await sink.abort();
    await target.discard();
  };
  const taker = sink.takeTable && {
    takeTable: (table: RowTable) => target.guarded(async () => (await sink.takeTable?.(table)) ?? 0),
  };
  return {
    output,
    write: (records) => target.guarded(() => sink.write(records)),
    async close() {
      const report = await target.guarded(() => sink.close());
      await target.publish();
      return { ...report, output };
    },
    abort,
    ...taker,
  };
}

function existing(output: string): UsageError {
  return new UsageError(`-o ${output} already exists; use --force to replace it`);
}

/** Returns a key as the name of a file in one folder. */
function nameOf(key: string): string {
  return key.replaceAll('%', '%25').replaceAll('/', '%2F');
}

function keyOf(name: string): string {
  return name.replaceAll('%2F', '/').replaceAll('%25', '%');
}
