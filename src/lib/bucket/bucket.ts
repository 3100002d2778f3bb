import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { BucketError } from './bucket-error.js';
import { BUCKET_TIMING, type BucketAnswer, BucketRequests, type BucketTiming } from './bucket-requests.js';
import type { BucketAccess } from './bucket-url.js';
import { parseListing, textOf } from './bucket-xml.js';

/** A version of an object. */
type ObjectFacts = { readonly etag: string; readonly bytes: number; readonly changedAt: number };

type BucketOptions = {
  readonly timing?: BucketTiming;
  /** Larger files are sent in parts of this size (bytes); S3 allows 5 MB to 5 GB, and 10,000 parts. */
  readonly partBytes?: number;
};

const PART_BYTES = 16 << 20;
const MOST_PARTS = 10_000;
/** Identifies one call, so that a repeated attempt recognises the object of the first one. */
const TOKEN = 'x-amz-meta-mdtool-call';

/** The objects of one bucket. Every method throws a `BucketError`. */
export class Bucket {
  readonly name: string;
  readonly #requests: BucketRequests;
  readonly #partBytes: number;

  constructor(access: BucketAccess, name: string, { timing = BUCKET_TIMING, partBytes = PART_BYTES }: BucketOptions = {}) {
    this.name = name;
    this.#requests = new BucketRequests(access, name, timing);
    this.#partBytes = partBytes;
  }

  /** The server, as messages name it. */
  get host(): string {
    return this.#requests.host;
  }

  /** Milliseconds since the epoch by the server's clock, as far as it is known. */
  now(): number {
    return this.#requests.now();
  }

  /**
   * Creates an object unless one of that name exists. Returns whether this call created it.
   *
   * A server may store the object and the answer may get lost: the repeated attempt then finds the object of the first
   * one. Taken for another writer's, an own change would be made twice. So each call leaves a token on its object, and a
   * refused repetition compares it.
   */
  async create(key: string, body: Uint8Array): Promise<boolean> {
    const token = newToken();
    const headers = { 'if-none-match': '*', [TOKEN]: token };
    const answer = await this.#requests.send({ method: 'PUT', key, body, headers, accept: [412] });
    return answer.status !== 412 || (answer.isRepeated && (await this.#head(key))?.headers[TOKEN] === token);
  }

  /** Writes an object, over one that exists. Returns the etag of its new version. */
  async put(key: string, body: Uint8Array): Promise<string> {
    const { headers } = await this.#requests.send({ method: 'PUT', key, body });
    return headers.etag ?? '';
  }

  /** Returns the text of an object, undefined without one. */
  async read(key: string): Promise<string | undefined> {
    const answer = await this.#requests.send({ method: 'GET', key, accept: [404] });
    if (answer.status !== 404) return answer.body;
    if (textOf(answer.body, 'Code') === 'NoSuchBucket') throw this.#noBucket();
    return undefined;
  }

  /** Returns what is known about an object without its content, undefined without one. */
  async facts(key: string): Promise<ObjectFacts | undefined> {
    const { headers } = (await this.#head(key)) ?? {};
    if (!headers) return undefined;
    const changedAt = Date.parse(headers['last-modified'] ?? '');
    return { etag: headers.etag ?? '', bytes: Number(headers['content-length']), changedAt };
  }

  /** Copies an object into a local file that appears whole. Returns false without an object. */
  async download(key: string, path: string): Promise<boolean> {
    const temporary = `${path}.${newToken()}.tmp`;
    try {
      const answer = await this.#requests.receive({ method: 'GET', key, accept: [404] }, async (body) => {
        const file = createWriteStream(temporary);
        await pipeline(body, file);
        return file.bytesWritten;
      });
      if (answer.status === 404) return false;
      if (String(answer.body) !== answer.headers['content-length'])
        throw new BucketError(
          `${this.host}: ${key} ended after ${answer.body} of ${answer.headers['content-length']} bytes`,
          true,
        );
      await rename(temporary, path);
      return true;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Copies a local file into an object; large ones in parts. With `isNew` an existing object stays. Returns whether it was written. */
  async upload(path: string, key: string, isNew = false): Promise<boolean> {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > this.#partBytes) return await this.#uploadParts(file, size, key, isNew);
      const body = await file.readFile();
      if (isNew) return await this.create(key, body);
      await this.put(key, body);
      return true;
    } finally {
      await file.close();
    }
  }

  async #uploadParts(file: Awaited<ReturnType<typeof open>>, size: number, key: string, isNew: boolean): Promise<boolean> {
    const begun = await this.#requests.send({ method: 'POST', key, query: { uploads: '' } });
    const uploadId = textOf(begun.body, 'UploadId') ?? '';
    const partBytes = Math.max(this.#partBytes, Math.ceil(size / MOST_PARTS));
    try {
      const parts: string[] = [];
      for (let number = 1, at = 0; at < size; number++, at += partBytes) {
        const body = Buffer.alloc(Math.min(partBytes, size - at));
        await readFully(file, body, at);
        const query = { partNumber: String(number), uploadId };
        const { headers } = await this.#requests.send({ method: 'PUT', key, query, body });
        parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${headers.etag}</ETag></Part>`);
      }
      return await this.#complete(key, uploadId, parts, size, isNew);
    } catch (error) {
      // Parts that are never joined cost money and are in no listing.
      await this.#requests.send({ method: 'DELETE', key, query: { uploadId }, accept: [404] }).catch(() => {});
      throw error;
    }
  }

  async #complete(key: string, uploadId: string, parts: readonly string[], size: number, isNew: boolean): Promise<boolean> {
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
    const headers = isNew ? { 'if-none-match': '*' } : {};
    const answer = await this.#requests.send({ method: 'POST', key, query: { uploadId }, headers, body, accept: [404, 412] });
    // A failure may come with 200; after a lost answer the upload is unknown, because it is complete.
    if (answer.status < 300 && !/<Error>/.test(answer.body)) return true;
    if (answer.status === 412 && !answer.isRepeated) return false;
    if (answer.isRepeated && (await this.facts(key))?.bytes === size) return true;
    if (answer.status === 412) return false;
    throw new BucketError(
      `${this.host} did not join the parts of ${key} (${textOf(answer.body, 'Code') ?? answer.status}); try again`,
      true,
    );
  }

  /** Gives an object another name. Returns false without one. */
  async rename(from: string, to: string): Promise<boolean> {
    const source = `/${this.name}/${from.split('/').map(encodeURIComponent).join('/')}`;
    const copied = await this.#requests.send({ method: 'PUT', key: to, headers: { 'x-amz-copy-source': source }, accept: [404] });
    if (copied.status === 404) return false;
    if (/<Error>/.test(copied.body)) throw new BucketError(`${this.host} did not copy ${from}; try again`, true);
    await this.remove(from);
    return true;
  }

  async remove(key: string): Promise<void> {
    await this.#requests.send({ method: 'DELETE', key, accept: [404] });
  }

  /** Yields the keys that begin with a prefix, in order. A page has at most 1,000. */
  async *list(prefix: string): AsyncGenerator<string> {
    for await (const { keys } of this.#pages({ prefix })) yield* keys;
  }

  /** Returns the names directly below a prefix that ends with a slash, as a directory shows them. */
  async names(prefix: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { keys, folders } of this.#pages({ prefix, delimiter: '/' }))
      names.push(...keys, ...folders.map((folder) => folder.slice(0, -1)));
    return names.map((name) => name.slice(prefix.length)).filter((name) => name !== '');
  }

  async *#pages(query: Readonly<Record<string, string>>) {
    for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
      const page = { 'list-type': '2', ...query, ...(token === undefined ? {} : { 'continuation-token': token }) };
      const { body } = await this.#requests.send({ method: 'GET', query: page });
      const parsed = parseListing(body);
      if (!parsed)
        throw new BucketError(`${this.host}: a listing of ${this.name}/${query.prefix} is not complete; try again`, true);
      yield parsed;
      token = parsed.next;
    }
  }

  /**
   * Returns the defect for which the server cannot keep a store, undefined without one: a store stays whole only if one of
   * several writers that create the same object wins. `key` is an unused one.
   */
  async defect(key: string): Promise<string | undefined> {
    const headers = { 'if-none-match': '*' };
    const body = Buffer.from('probe');
    try {
      for (const expected of [200, 412]) {
        const { status } = await this.#requests.send({ method: 'PUT', key, body, headers, accept: [412, 501] });
        if (status === 501) return 'it lacks conditional writes: it returned 501 for If-None-Match: *';
        if (expected === 412 && status !== 412) return 'it ignores If-None-Match: * and overwrites an object that exists';
      }
      return undefined;
    } finally {
      await this.remove(key).catch(() => {});
    }
  }

  async #head(key: string): Promise<BucketAnswer | undefined> {
    const answer = await this.#requests.send({ method: 'HEAD', key, accept: [404] });
    return answer.status === 404 ? undefined : answer;
  }

  #noBucket(): BucketError {
    return new BucketError(`${this.host} has no bucket ${this.name}: create it first`, false);
  }
}

function newToken(): string {
  return randomBytes(8).toString('hex');
}

async function readFully(file: Awaited<ReturnType<typeof open>>, target: Buffer, at: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, at + done);
    if (bytesRead === 0) throw new BucketError('the file became shorter while it was sent', false);
    done += bytesRead;
  }
}
