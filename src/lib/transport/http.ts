import { setTimeout } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { UnreachableError } from '../model/errors.js';
import { excerpt } from '../model/ndjson.js';

/** A GET request: `path` begins with a slash, `query` is encoded here. */
export type GetRequest = { readonly path: string; readonly query: Readonly<Record<string, string>> };

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
  /** Told before each pause. */
  readonly onRetry?: ((reason: string, pause: number) => void) | undefined;
  /** Instead of a pool that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
  readonly dispatcher?: Dispatcher | undefined;
  /** Milliseconds to wait; tests give their own. */
  readonly sleep?: ((milliseconds: number) => Promise<void>) | undefined;
  /** In [0, 1); tests give their own. */
  readonly random?: (() => number) | undefined;
};

/** What came back, whatever its status; names of headers are lower-case. */
export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
};

/** Asks once, and leaves it to the caller what an answer means. */
export type HttpSender = {
  /** Returns the answer, whatever its status. Throws an `UnreachableError` that names the host when none came. */
  send(origin: string, request: GetRequest): Promise<HttpAnswer>;
};

/** Fetches JSON texts from an exchange's REST interface. */
export type HttpClient = {
  /** Returns the body of a 200 answer. Throws an `UnreachableError` that names the host and the reason. */
  get(origin: string, request: GetRequest): Promise<string>;
  close(): Promise<void>;
};

const TIMEOUT = 10_000;
const RETRIES = 3;
const LARGEST_BODY = 64 * 1024 * 1024;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8_000;
/** A server that asks for more patience than this (ms) is reported instead. */
const LONGEST_RETRY_AFTER = 30_000;

/** Why an attempt failed, and whether the next one may do better; `pause` is what the server asked for (ms). */
type Trouble = { readonly reason: string; readonly retryable: boolean; readonly pause?: number | undefined };
type Attempt = { readonly body: string } | Trouble;
type Sent = HttpAnswer | Trouble;

/** Returns a client; undici is loaded here and nowhere earlier. */
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

  async send(origin: string, request: GetRequest): Promise<HttpAnswer> {
    const url = urlOf(origin, request);
    const sent = await this.#send(url);
    if ('reason' in sent) throw new UnreachableError(`${url.host} ${sent.reason} (GET ${url.pathname})`);
    return sent;
  }

  async get(origin: string, request: GetRequest): Promise<string> {
    const url = urlOf(origin, request);
    const { retries = RETRIES, random = Math.random, onRetry, signal } = this.#options;
    const sleep = this.#options.sleep ?? ((pause: number) => pauseFor(pause, signal));
    for (let attempt = 0; ; attempt++) {
      const sent = await this.#send(url);
      const result: Attempt = 'reason' in sent ? sent : judge(sent.status, sent.headers, sent.body);
      if ('body' in result) return result.body;
      const tries = attempt === 0 ? '' : ` after ${attempt + 1} attempts`;
      if (!result.retryable || attempt === retries || signal?.aborted)
        throw new UnreachableError(`${url.host} ${result.reason}${tries} (GET ${url.pathname})`);
      const pause = result.pause ?? backoff(attempt, random());
      onRetry?.(`${url.host} ${result.reason}`, pause);
      await sleep(pause);
    }
  }

  close(): Promise<void> {
    return this.#options.dispatcher ? Promise.resolve() : this.#dispatcher.close();
  }

  async #send(url: URL): Promise<Sent> {
    const timeout = AbortSignal.timeout(this.#options.timeout ?? TIMEOUT);
    const signal = this.#options.signal ? AbortSignal.any([timeout, this.#options.signal]) : timeout;
    try {
      const { statusCode, headers, body } = await this.#request(url, {
        dispatcher: this.#dispatcher,
        signal,
        headers: { accept: 'application/json', 'user-agent': this.#options.userAgent },
      });
      const text = await this.#read(body);
      if (text === undefined) return { reason: `answered more than ${this.#largest} bytes`, retryable: false };
      return { status: statusCode, headers, body: text };
    } catch (error) {
      return this.#networkTrouble(error as Error, timeout);
    }
  }

  /** Returns the text of a body, undefined when it is too large. */
  async #read(body: Dispatcher.ResponseData['body']): Promise<string | undefined> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += (chunk as Buffer).length;
      // Leaving the loop destroys the body and with it the connection.
      if (size > this.#largest) return undefined;
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  get #largest(): number {
    return this.#options.largestBody ?? LARGEST_BODY;
  }

  #networkTrouble(error: Error, timeout: AbortSignal): Trouble {
    if (this.#options.signal?.aborted) return { reason: 'was not waited for: the step was stopped', retryable: false };
    if (timeout.aborted) return { reason: `did not answer within ${this.#options.timeout ?? TIMEOUT} ms`, retryable: true };
    return { reason: `cannot be reached: ${networkReason(error)}`, retryable: true };
  }
}

function urlOf(origin: string, { path, query }: GetRequest): URL {
  const url = new URL(path, origin);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

/** Returns the body of a usable answer, or what is wrong with it. */
function judge(status: number, headers: Record<string, string | string[] | undefined>, text: string): Attempt {
  if (status === 200) {
    if (/^\s*[[{]/.test(text)) return { body: text };
    return { reason: `answered 200 with something that is no JSON: ${excerpt(text.trim())}`, retryable: false };
  }
  if (status >= 300 && status < 400) return { reason: `answered ${status}, a redirect that is not followed`, retryable: false };
  const reason = `answered ${status}${text.trim() === '' ? '' : `: ${excerpt(text.replace(/\s+/g, ' ').trim())}`}`;
  const pause = status === 429 || status === 503 ? retryAfter(headers['retry-after']) : undefined;
  const patient = pause === undefined || pause <= LONGEST_RETRY_AFTER;
  return { reason, retryable: (status === 429 || status >= 500) && patient, pause };
}

/** Returns the milliseconds that a `Retry-After` header in seconds asks for; dates and nonsense count as absent. */
function retryAfter(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** Returns the pause before attempt `attempt` + 2: doubled each time, between half and all of it. */
function backoff(attempt: number, random: number): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt) * (0.5 + random / 2);
}

const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  EHOSTUNREACH: 'there is no route',
  ENETUNREACH: 'there is no route',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  UND_ERR_SOCKET: 'the connection broke off',
};

/** Returns why a connection failed, from the innermost error: an attempt over IPv6 and IPv4 hides its reasons in a list. */
function networkReason(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors[0] : (error.cause ?? error);
  const { code, message } = inner as NodeJS.ErrnoException;
  return NETWORK_REASONS[code ?? ''] ?? message;
}

/** Resolves after the pause, or as soon as the step is stopped. */
async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, signal ? { signal } : {}).catch(() => {});
}
