import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { Backoff } from '../transport/backoff.js';
import { AttemptError, type FailureKind, networkFailure, withRetries } from '../transport/failure.js';
import { SYSTEM_TIMING } from '../transport/timing.js';
import { BucketError, remedyOf } from './bucket-error.js';
import { addressOf, type BucketAccess } from './bucket-url.js';
import { textOf } from './bucket-xml.js';

/** One request for an object, or without a key for the bucket. */
type BucketRequest = {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Statuses that are an answer, not a failure, beside 200 to 299. */
  readonly accept?: readonly number[];
};

export type BucketAnswer<Body = string> = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Body;
  /** Whether an earlier attempt may have reached the server, which did not answer. */
  readonly isRepeated: boolean;
};

export type BucketTiming = {
  /** Attempts after the first one, for a failed request and for `SlowDown`. */
  readonly faults: number;
  readonly slowdowns: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A server that sends nothing for this long has failed. */
  readonly silenceMs: number;
};

export const BUCKET_TIMING: BucketTiming = {
  faults: 5,
  slowdowns: 9,
  firstPauseMs: 200,
  longestPauseMs: 5_000,
  silenceMs: 30_000,
};

/** The server and this machine count as apart from this many milliseconds on: `Date` has whole seconds. */
const SKEW_MS = 2_000;

type Loaded = {
  readonly request: typeof import('undici').request;
  readonly dispatcher: Dispatcher;
  readonly AwsV4Signer: typeof import('aws4fetch').AwsV4Signer;
};

/**
 * Signed requests to one bucket. A request that fails, or that the server is too busy for, is sent again with growing
 * pauses. The clock is the server's: its `Date` corrects this machine's, by which requests are signed.
 */
export class BucketRequests {
  readonly bucket: string;
  readonly host: string;
  readonly #access: BucketAccess;
  readonly #timing: BucketTiming;
  #loaded: Promise<Loaded> | undefined;
  /** The server's clock minus this machine's, milliseconds. */
  #skew = 0;

  constructor(access: BucketAccess, bucket: string, timing: BucketTiming) {
    this.#access = access;
    this.bucket = bucket;
    this.host = addressOf(access, bucket).host;
    this.#timing = timing;
  }

  /** Milliseconds since the epoch by the server's clock, as far as it is known. */
  now(): number {
    return Date.now() + this.#skew;
  }

  /** Returns an answer with its text. Throws a `BucketError`. */
  send(request: BucketRequest): Promise<BucketAnswer> {
    return this.receive(request, async (body) => {
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    });
  }

  /** Returns an answer with what `read` makes of its body; a body that breaks off is requested again. */
  async receive<Body>(request: BucketRequest, read: (body: Readable) => Promise<Body>): Promise<BucketAnswer<Body>> {
    const { faults, slowdowns, firstPauseMs, longestPauseMs } = this.#timing;
    const backoff = new Backoff({ first: firstPauseMs, longest: longestPauseMs, random: SYSTEM_TIMING.random });
    let isRepeated = false;
    try {
      return await withRetries(async () => ({ ...(await this.#attempt(request, read)), isRepeated }), {
        most: { fault: faults, throttled: slowdowns },
        nextPause: () => backoff.next(),
        sleep: SYSTEM_TIMING.sleep,
        onRetry: () => {
          isRepeated = true;
        },
      });
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error;
      throw new BucketError(error.message, error.kind !== 'final', { cause: error });
    }
  }

  async #attempt<Body>(
    request: BucketRequest,
    read: (body: Readable) => Promise<Body>,
  ): Promise<Omit<BucketAnswer<Body>, 'isRepeated'>> {
    const { method, key = '', accept = [] } = request;
    const what = `${method} ${this.bucket}/${key}`;
    try {
      const { statusCode: status, headers, body } = await this.#sendOnce(request);
      this.#learnClock(String(headers.date ?? ''));
      if ((status >= 200 && status < 300) || accept.includes(status)) {
        const names = Object.entries(headers).map(([name, value]) => [name, String(value)]);
        return { status, headers: Object.fromEntries(names), body: await read(body) };
      }
      throw this.#refusal(status, await body.text(), what);
    } catch (error) {
      if (error instanceof AttemptError || error instanceof TypeError || isOfDisk(error)) throw error;
      throw new AttemptError({ kind: 'fault', ...failureOf(error as Error, this.host), request: what, cause: error });
    }
  }

  async #sendOnce({ method, key = '', query = {}, headers = {}, body }: BucketRequest): Promise<Dispatcher.ResponseData> {
    this.#loaded ??= load();
    const { request, dispatcher, AwsV4Signer } = await this.#loaded;
    const url = addressOf(this.#access, this.bucket, key);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.#access;
    const digest = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    const signed = await new AwsV4Signer({
      ...{ method, url: url.href, accessKeyId, secretAccessKey, region, service: 's3' },
      ...(sessionToken ? { sessionToken } : {}),
      headers: { 'x-amz-content-sha256': digest, ...headers },
      datetime: new Date(this.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    }).sign();
    const { silenceMs } = this.#timing;
    return await request(signed.url, {
      ...{ dispatcher, method, headersTimeout: silenceMs, bodyTimeout: silenceMs },
      headers: Object.fromEntries(signed.headers),
      body: body ?? null,
    });
  }

  #learnClock(date: string): void {
    const skew = Date.parse(date) - Date.now();
    if (Number.isFinite(skew)) this.#skew = Math.abs(skew) > SKEW_MS ? skew : 0;
  }

  #refusal(status: number, text: string, request: string): AttemptError {
    const code = textOf(text, 'Code');
    const what = `${this.host} returned ${status}${code ? ` ${code}` : ''}`;
    return new AttemptError({ kind: kindOf(status, code), what, request, hint: remedyOf(code, this.bucket) });
  }
}

/** A wrong time is corrected by the answer that refuses it; a conflict of two conditional writes ends by itself. */
function kindOf(status: number, code: string | undefined): FailureKind {
  if (code === 'RequestTimeTooSkewed' || code === 'RequestTimeout') return 'fault';
  if (status === 429 || code === 'SlowDown' || code === 'ConditionalRequestConflict' || code === 'OperationAborted')
    return 'throttled';
  return status >= 500 && status !== 501 ? 'fault' : 'final';
}

/** A copy that the disk of this machine refuses is not the fault of the server. */
function isOfDisk(error: unknown): boolean {
  return /^(?:ENOSPC|EDQUOT|EACCES|EROFS|EMFILE)$/.test((error as NodeJS.ErrnoException).code ?? '');
}

function failureOf(error: Error, host: string): { readonly what: string; readonly hint?: string } {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return { what: `${host} did not answer in time` };
  return networkFailure(error, host);
}

/** Loads what a command without a bucket does not pay for. */
async function load(): Promise<Loaded> {
  const [{ request, EnvHttpProxyAgent }, { AwsV4Signer }] = await Promise.all([import('undici'), import('aws4fetch')]);
  return { request, dispatcher: new EnvHttpProxyAgent(), AwsV4Signer };
}
