import type { Dispatcher } from 'undici';
import { excerpt } from '../model/ndjson.js';
import { retryAfter } from '../model/retry-after.js';
import { Backoff } from './backoff.js';
import { AttemptError, type FailureKind, networkFailure, withRetries } from './failure.js';
import { SYSTEM_TIMING } from './timing.js';

/** A request: `path` begins with a slash, `query` is encoded here, `body` is sent as it is. */
export type WireRequest = {
  readonly method?: 'GET' | 'POST' | undefined;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
};

/** A request as it travels; `query` is encoded and has no question mark. */
type WireBytes = { readonly method: 'GET' | 'POST'; readonly path: string; readonly query: string; readonly body: string };

/**
 * Returns the headers that sign a request. It is called as the last step before the bytes leave, so that nothing else ever
 * holds a signature.
 */
export type Sign = (bytes: WireBytes) => Readonly<Record<string, string>>;

export type HttpClientOptions = {
  readonly userAgent: string;
  /** Milliseconds for one attempt, from the connect to the last byte. */
  readonly timeout?: number | undefined;
  /** Attempts after the first one. */
  readonly retries?: number | undefined;
  /** Largest body that is read, bytes. */
  readonly largestBody?: number | undefined;
  /** Ends attempts and pauses. */
  readonly signal?: AbortSignal | undefined;
  /** Called before each pause, with what failed. */
  readonly onRetry?: ((reason: string, pause: number) => void) | undefined;
  /** Replaces the pool that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
  readonly dispatcher?: Dispatcher | undefined;
  /** Waits for the milliseconds; tests replace it. */
  readonly sleep?: ((milliseconds: number) => Promise<void>) | undefined;
  /** In [0, 1); tests replace it. */
  readonly random?: (() => number) | undefined;
};

/** An answer with any status; names of headers are lower-case. */
export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
};

/** Sends one request without retries; the caller judges the answer. */
export type HttpSender = {
  /**
   * Returns the answer, whatever its status. Throws an `AttemptError` that names the host when there is none. A request is
   * sent once: a POST whose answer is lost may have acted.
   */
  send(origin: string, request: WireRequest, sign?: Sign): Promise<HttpAnswer>;
};

/** Returns what an answer is; exchanges refuse with status 200 or 400 what passes a moment later. */
export type Judge = (answer: HttpAnswer) => Verdict;

export type Verdict =
  | { readonly kind: 'data' }
  | { readonly kind: 'throttled'; readonly pause: number; readonly isEstimate?: boolean | undefined; readonly reason: string }
  | { readonly kind: 'fault' | 'refusal'; readonly reason: string };

/** Fetches JSON texts from the REST interface of an exchange. */
export type HttpClient = {
  /**
   * Returns the body of an answer that is data: by `judge`, else with status 200. Waits and retries where that can help.
   * Throws an `UnreachableError` that names the host and the reason.
   */
  get(origin: string, request: WireRequest, judge?: Judge): Promise<string>;
  close(): Promise<void>;
};

const TIMEOUT = 10_000;
const RETRIES = 3;
const LARGEST_BODY = 64 * 1024 * 1024;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8_000;
/** A server that asks for a longer pause than this (ms) ends the attempts. */
const LONGEST_RETRY_AFTER = 30_000;

/** Returns a client. undici loads here, so that a command without network does not pay for it. */
export async function createHttpClient(options: HttpClientOptions): Promise<HttpClient & HttpSender> {
  const { request, EnvHttpProxyAgent } = await import('undici');
  const dispatcher = options.dispatcher ?? new EnvHttpProxyAgent();
  return new RetryingClient(options, dispatcher, request);
}

class RetryingClient implements HttpClient, HttpSender {
  readonly #options: HttpClientOptions;
  readonly #dispatcher: Dispatcher;
  readonly #request: typeof import('undici').request;

  constructor(options: HttpClientOptions, dispatcher: Dispatcher, request: typeof import('undici').request) {
    this.#options = options;
    this.#dispatcher = dispatcher;
    this.#request = request;
  }

  send(origin: string, request: WireRequest, sign?: Sign): Promise<HttpAnswer> {
    return this.#send(urlOf(origin, request), request, sign);
  }

  get(origin: string, request: WireRequest, judge?: Judge): Promise<string> {
    if ((request.method ?? 'GET') !== 'GET') throw new TypeError('only a GET may be sent again');
    const url = urlOf(origin, request);
    const { retries = RETRIES, random = SYSTEM_TIMING.random, sleep = SYSTEM_TIMING.sleep, onRetry, signal } = this.#options;
    const backoff = new Backoff({ first: FIRST_PAUSE, longest: LONGEST_PAUSE, random });
    return withRetries(async () => bodyOf(url, await this.#send(url, request), judge), {
      most: { fault: retries, throttled: retries },
      nextPause: () => backoff.next(),
      sleep,
      signal,
      onRetry: ({ what }, pause) => onRetry?.(what, pause),
    });
  }

  close(): Promise<void> {
    return this.#options.dispatcher ? Promise.resolve() : this.#dispatcher.close();
  }

  async #send(url: URL, { method = 'GET', body: sent }: WireRequest, sign?: Sign): Promise<HttpAnswer> {
    const timeout = AbortSignal.timeout(this.#options.timeout ?? TIMEOUT);
    const signal = this.#options.signal ? AbortSignal.any([timeout, this.#options.signal]) : timeout;
    try {
      const { statusCode, headers, body } = await this.#request(url, {
        dispatcher: this.#dispatcher,
        signal,
        method,
        body: sent ?? null,
        headers: {
          accept: 'application/json',
          'user-agent': this.#options.userAgent,
          ...sign?.({ method, path: url.pathname, query: url.search.slice(1), body: sent ?? '' }),
        },
      });
      return { status: statusCode, headers, body: await this.#read(url, body) };
    } catch (error) {
      if (error instanceof AttemptError) throw error;
      throw this.#failure(url, method, error as Error, timeout);
    }
  }

  /** Returns the text of a body. */
  async #read(url: URL, body: Dispatcher.ResponseData['body']): Promise<string> {
    const largest = this.#options.largestBody ?? LARGEST_BODY;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += (chunk as Buffer).length;
      // Throwing out of the loop destroys the body and with it the connection.
      if (size > largest) throw failed(url, 'final', `returned more than ${largest} bytes`);
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  #failure(url: URL, method: string, error: Error, timeout: AbortSignal): AttemptError {
    const request = `${method} ${url.pathname}`;
    const { signal, timeout: limit = TIMEOUT } = this.#options;
    if (signal?.aborted) return new AttemptError({ kind: 'final', what: `request to ${url.host} cancelled`, request });
    const late = `${url.host} did not answer within ${limit < 1000 ? `${limit} ms` : `${limit / 1000} s`}`;
    if (timeout.aborted) return new AttemptError({ kind: 'fault', what: late, request });
    return new AttemptError({ kind: 'fault', ...networkFailure(error, url.host), request, cause: error });
  }
}

function urlOf(origin: string, { path, query }: WireRequest): URL {
  const url = new URL(path, origin);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

function requestOf({ pathname }: URL): string {
  return `GET ${pathname}`;
}

function failed(url: URL, kind: FailureKind, what: string, pause?: number): AttemptError {
  return new AttemptError({ kind, what: `${url.host} ${what}`, request: requestOf(url), pause });
}

/** Returns the body of a usable answer. Throws an `AttemptError`. */
function bodyOf(url: URL, answer: HttpAnswer, judge: Judge | undefined): string {
  const { status, headers, body } = answer;
  const verdict = judge?.(answer);
  if (verdict && verdict.kind !== 'data') throw refusal(url, verdict);
  const text = excerpt(body.replace(/\s+/g, ' ').trim());
  if (status === 200) {
    if (/^\s*[[{]/.test(body)) return body;
    throw failed(url, 'final', `returned 200 but not JSON: ${text}`);
  }
  if (status >= 300 && status < 400) throw failed(url, 'final', `returned ${status}; redirects are not followed`);
  const what = `returned ${status}${body.trim() === '' ? '' : `: ${text}`}`;
  const pause = status === 429 || status === 503 ? retryAfter(headers, Date.now()) : undefined;
  if ((status !== 429 && status < 500) || (pause ?? 0) > LONGEST_RETRY_AFTER) throw failed(url, 'final', what);
  throw failed(url, status === 429 ? 'throttled' : 'fault', what, pause);
}

function refusal(url: URL, verdict: Exclude<Verdict, { kind: 'data' }>): AttemptError {
  const { kind, reason } = verdict;
  if (kind !== 'throttled') return failed(url, kind === 'fault' ? 'fault' : 'final', reason);
  const pause = verdict.isEstimate ? undefined : verdict.pause;
  return failed(url, (pause ?? 0) > LONGEST_RETRY_AFTER ? 'final' : 'throttled', reason, pause);
}
