import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Bucket } from '../../bucket/bucket.js';
import { BucketError } from '../../bucket/bucket-error.js';
import { accessOf, type BucketAccess, type BucketUrl } from '../../bucket/bucket-url.js';
import { FailureError } from '../../model/errors.js';
import { BucketCache, CACHE_BYTES, storeCache } from './bucket-cache.js';
import { createDirectory } from './durable-file.js';
import type { Heartbeats, Standing, StoreFiles } from './store-files.js';
import { retiredPath } from './stored-file.js';

/** A lease is renewed this often, and void after this long without (milliseconds by the server's clock). */
const RENEW_MS = 10_000;
const VOID_MS = 60_000;
/** Objects that are fetched at the same time. */
const PARALLEL = 8;
/** Notes beside the copies that the server was probed. */
const PROBED = 'probed';

/** A lease as this process last saw it. */
type Lease = { readonly etag: string; readonly standing: Standing };

/**
 * A store in a bucket. The log and the Parquet files are objects; a directory on this machine has the journals of its own
 * writers and copies of Parquet files. No object changes after it was written, except leases and the note of the newest
 * change; so a copy is as good as its object.
 */
class BucketFiles implements StoreFiles {
  readonly isShared = true;
  readonly root: string;
  readonly heartbeats: Heartbeats;
  readonly #objects: Objects;
  readonly #prefix: string;
  readonly #cache: BucketCache;
  readonly #published = new Set<string>();
  readonly #fetching = new Map<string, Promise<boolean>>();

  constructor(objects: Objects, prefix: string, root: string, cache: BucketCache) {
    this.#objects = objects;
    this.root = root;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#cache = cache;
    this.heartbeats = new Leases(objects, (path) => this.#key(path));
  }

  named(path: string): string {
    return `s3://${this.#objects.name}/${this.#key(path)}`;
  }

  now(): number {
    return this.#objects.now();
  }

  async prepare(directories: readonly string[]): Promise<void> {
    for (const directory of directories) await createDirectory(directory);
    const note = join(this.root, PROBED);
    if (existsSync(note)) return;
    // The name begins with a dot: another process may look meanwhile whether a foreign object lies there.
    const name = `.probe-${process.pid}-${Date.now()}`;
    const bucket = await this.#objects.open();
    const defect = await bucket.defect(this.#key(join(this.root, name)));
    if (defect !== undefined)
      throw new FailureError(
        `${bucket.host} cannot keep a store: ${defect}; two writers would overwrite each other's changes; choose a server with conditional writes`,
      );
    await writeFile(note, `${bucket.host}\n`);
  }

  async create(path: string, text: string): Promise<boolean> {
    return (await this.#objects.open()).create(this.#key(path), Buffer.from(text));
  }

  async read(path: string): Promise<string | undefined> {
    return (await this.#objects.open()).read(this.#key(path));
  }

  async replace(path: string, text: string): Promise<void> {
    await (await this.#objects.open()).put(this.#key(path), Buffer.from(text));
  }

  note(path: string, text: string): Promise<void> {
    return this.replace(path, text);
  }

  async names(directory: string): Promise<string[]> {
    return (await this.#objects.open()).names(this.#folder(directory));
  }

  async *tree(directory: string): AsyncGenerator<string> {
    const folder = this.#folder(directory);
    for await (const key of (await this.#objects.open()).list(folder)) yield key.slice(folder.length);
  }

  async publish(path: string): Promise<void> {
    if (this.#published.has(path)) return;
    await (await this.#objects.open()).upload(path, this.#key(path));
    this.#published.add(path);
    await this.#cache.add(path);
  }

  async remove(path: string): Promise<void> {
    await rm(path, { force: true });
    await (await this.#objects.open()).remove(this.#key(path));
  }

  async rename(from: string, to: string): Promise<boolean> {
    return (await this.#objects.open()).rename(this.#key(from), this.#key(to));
  }

  async age(path: string): Promise<number | undefined> {
    const facts = await (await this.#objects.open()).facts(this.#key(path));
    return facts && this.now() - facts.changedAt;
  }

  /** Copies files to this machine that it does not have; one that was replaced meanwhile, from its retired object. */
  async fetch(paths: Iterable<string>): Promise<void> {
    const waiting = [...paths];
    const work = async () => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) await this.#fetchOnce(path);
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, waiting.length) }, work));
  }

  /** Copies a file again, whatever copy there is: to prove the object, not the copy. */
  async fetchAgain(path: string): Promise<void> {
    if (!(await this.#fetch(path))) await rm(path, { force: true });
  }

  async #fetchOnce(path: string): Promise<void> {
    if (await this.#cache.has(path)) return;
    const running = this.#fetching.get(path) ?? this.#fetch(path).finally(() => this.#fetching.delete(path));
    this.#fetching.set(path, running);
    await running;
  }

  /** Returns false when there is no object. */
  async #fetch(path: string): Promise<boolean> {
    await mkdir(dirname(path), { recursive: true });
    const bucket = await this.#objects.open();
    for (const object of [path, retiredPath(path)]) {
      if (!(await bucket.download(this.#key(object), path))) continue;
      await this.#cache.add(path);
      return true;
    }
    return false;
  }

  #folder(directory: string): string {
    const key = this.#key(directory);
    return key.endsWith('/') || key === '' ? key : `${key}/`;
  }

  #key(path: string): string {
    return `${this.#prefix}${relative(this.root, path).replaceAll('\\', '/')}`;
  }
}

/** The bucket of a store. It opens at the first use: a command that only names the store loads no client. */
class Objects {
  readonly name: string;
  readonly #access: BucketAccess;
  #bucket: Bucket | undefined;

  constructor(access: BucketAccess, name: string) {
    this.#access = access;
    this.name = name;
  }

  async open(): Promise<Bucket> {
    const { Bucket } = await import('../../bucket/bucket.js');
    this.#bucket ??= new Bucket(this.#access, this.name);
    return this.#bucket;
  }

  /** Milliseconds since the epoch by the server's clock, as far as it is known. */
  now(): number {
    return this.#bucket?.now() ?? Date.now();
  }
}

/**
 * Heartbeats as lease objects. Who takes the claims of a silent writer over deletes its lease: a writer that was suspended
 * finds another version, or none, and has lost it. Not every server compares versions in a conditional write, so the last
 * word has the log, which a writer asks before each new journal.
 */
class Leases implements Heartbeats {
  readonly everyMs = RENEW_MS;
  readonly silenceMs = VOID_MS;
  readonly #objects: Objects;
  readonly #key: (path: string) => string;
  readonly #leases = new Map<string, Lease>();
  #beats = 0;

  constructor(objects: Objects, key: (path: string) => string) {
    this.#objects = objects;
    this.#key = key;
  }

  async begin(path: string): Promise<void> {
    const etag = await (await this.#objects.open()).put(this.#key(path), this.#content());
    this.#leases.set(path, { etag, standing: 'unknown' });
  }

  async renew(path: string): Promise<Standing> {
    const lease = this.#leases.get(path);
    if (lease) this.#leases.set(path, await this.#renewed(path, lease));
    return this.standing(path);
  }

  async #renewed(path: string, lease: Lease): Promise<Lease> {
    try {
      const bucket = await this.#objects.open();
      if (lease.standing === 'lost' || (await bucket.facts(this.#key(path)))?.etag !== lease.etag)
        return { ...lease, standing: 'lost' };
      return { etag: await bucket.put(this.#key(path), this.#content()), standing: 'unknown' };
    } catch (error) {
      if (!(error instanceof BucketError) || !error.isOutage) throw error;
      // A writer goes on into its journal while the bucket is away. When it is back, the next beat shows who holds the claims.
      return { ...lease, standing: 'held' };
    }
  }

  standing(path: string): Standing {
    return this.#leases.get(path)?.standing ?? 'unknown';
  }

  async silence(path: string): Promise<number> {
    const facts = await (await this.#objects.open()).facts(this.#key(path));
    return facts ? this.#objects.now() - facts.changedAt : Number.POSITIVE_INFINITY;
  }

  async end(path: string): Promise<void> {
    this.#leases.delete(path);
    await (await this.#objects.open()).remove(this.#key(path));
  }

  /** Each beat has another content, so that each version has another etag. */
  #content(): Buffer {
    this.#beats += 1;
    return Buffer.from(`${process.pid} ${this.#beats} ${Date.now()}\n`);
  }
}

const opened = new Map<string, BucketFiles>();

/** Returns the files of the store at a prefix of a bucket; each store has one object in a process. */
export function bucketFiles({ bucket, key }: BucketUrl, cacheBytes = CACHE_BYTES): BucketFiles {
  const access = accessOf(process.env);
  const cache = storeCache();
  const place = [access.endpoint, bucket, key].join('\n');
  const root = join(cache, `${bucket}-${createHash('sha256').update(place).digest('hex').slice(0, 12)}`);
  const name = [root, access.accessKeyId, access.region].join('\n');
  const known = opened.get(name) ?? new BucketFiles(new Objects(access, bucket), key, root, new BucketCache(cache, cacheBytes));
  opened.set(name, known);
  return known;
}

/** The Parquet files that a statement names, as SQL literals. */
const NAMED_FILES = /'((?:[^']|'')*\.parquet)'/g;

/**
 * Copies the files of buckets that a statement names to this machine: DuckDB reads the copies. A statement is the only place
 * that knows which files are read in the end, a day at a time.
 */
export async function fetchNamedFiles(sql: string): Promise<void> {
  if (opened.size === 0) return;
  const paths = [...sql.matchAll(NAMED_FILES)].map(([, text = '']) => text.replaceAll("''", "'").replace(/\[([*?[])\]/g, '$1'));
  for (const files of opened.values()) {
    const own = paths.filter((path) => path.startsWith(`${files.root}/`));
    if (own.length > 0) await files.fetch(new Set(own));
  }
}

/** Copies a file to this machine if it is one of a bucket; with `again` even where there is a copy. */
export async function fetchStoredFile(path: string, again = false): Promise<void> {
  for (const files of opened.values())
    if (path.startsWith(`${files.root}/`)) await (again ? files.fetchAgain(path) : files.fetch([path]));
}
