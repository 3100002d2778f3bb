import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import type { RestVerdict } from '../exchanges/rest.js';
import { MdtoolError, UnreachableError } from '../model/errors.js';
import { formatDuration } from '../model/time.js';
import { Backoff } from '../transport/backoff.js';
import type { HttpSender } from '../transport/http.js';
import { type Rate, RateLimiter } from '../transport/rate-limiter.js';
import { SYSTEM_TIMING, type Timing } from '../transport/timing.js';

export type RestClientOptions = {
  readonly http: HttpSender;
  /** Returns the REST origin of an exchange. */
  readonly origin: (exchange: Exchange) => string;
  readonly signal?: AbortSignal | undefined;
  /** The share of each limit that is used: other programs of the same address have the rest. */
  readonly share?: number | undefined;
  /** Told before a pause that the exchange asked for, and before another attempt. */
  readonly onWait?: ((text: string) => void) | undefined;
  readonly timing?: Timing | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
};

/** The exchange has answered, and will answer the same again: no such symbol, a parameter that it does not take. */
export class RefusedError extends UnreachableError {}

const SHARE = 0.8;
/** Attempts after a fault, and returns after a refusal of the rate, before a request is given up. */
const MOST_FAULTS = 5;
const MOST_PAUSES = 4;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

/** Asks the REST interfaces of exchanges within their limits, all callers of one client together. */
export class RestClient {
  readonly #options: RestClientOptions;
  readonly #timing: Timing;
  readonly #limiters = new Map<string, RateLimiter>();

  constructor(options: RestClientOptions) {
    this.#options = options;
    this.#timing = options.timing ?? SYSTEM_TIMING;
  }

  /**
   * Returns the body of an answer that is data. Waits where the exchange says that it was asked too often, and tries again
   * after faults. Throws a `RefusedError` when the exchange refuses, an `UnreachableError` when it cannot be reached or the
   * signal was aborted.
   */
  async get(exchange: Exchange, request: HttpRequest): Promise<string> {
    const backoff = new Backoff({ first: FIRST_PAUSE, longest: LONGEST_PAUSE, random: this.#timing.random });
    for (let pauses = 0; ; ) {
      const answered = await this.#attempt(exchange, request);
      if (typeof answered === 'string') return answered;
      const what = `${exchange.id} ${answered.reason} (GET ${request.path}?${new URLSearchParams(request.query)})`;
      if (answered.kind === 'refusal') throw new RefusedError(what);
      if (answered.kind === 'throttled') {
        pauses += 1;
        if (pauses > MOST_PAUSES) throw new UnreachableError(`${what}, after ${pauses} attempts`);
        this.#pause(exchange, request, answered);
        continue;
      }
      const wait = backoff.next();
      if (backoff.attempts > MOST_FAULTS) throw new UnreachableError(`${what}, after ${backoff.attempts} attempts`);
      this.#options.onWait?.(`${what}; next attempt in ${Math.ceil(wait)} ms`);
      await this.#timing.sleep(wait, this.#options.signal);
    }
  }

  async #attempt(exchange: Exchange, request: HttpRequest): Promise<string | Exclude<RestVerdict, { kind: 'data' }>> {
    const { http, origin, signal, now = Date.now } = this.#options;
    const rate = exchange.rest.limit(request);
    const leave = await this.#limiter(exchange).enter(request.path, rate && this.#shared(rate), signal);
    if (!leave) throw stopped(exchange, request);
    try {
      const answer = await http.send(origin(exchange), request);
      const verdict = exchange.rest.judge(answer, now());
      return verdict.kind === 'data' ? answer.body : verdict;
    } catch (error) {
      if (signal?.aborted) throw stopped(exchange, request);
      if (!(error instanceof MdtoolError)) throw error;
      return { kind: 'fault', reason: error.message };
    } finally {
      leave();
    }
  }

  #pause(exchange: Exchange, { path }: HttpRequest, { scope, pause, reason }: Extract<RestVerdict, { kind: 'throttled' }>): void {
    this.#limiter(exchange).pause(pause, scope === 'host' ? undefined : path);
    const what = scope === 'host' ? exchange.id : `${exchange.id} ${path}`;
    this.#options.onWait?.(`${what} ${reason}: it is left alone for ${formatDuration(Math.ceil(pause / 1_000) * 1_000_000)}`);
  }

  #limiter(exchange: Exchange): RateLimiter {
    const limiter = this.#limiters.get(exchange.id) ?? new RateLimiter(this.#shared(exchange.rest.host), this.#timing);
    this.#limiters.set(exchange.id, limiter);
    return limiter;
  }

  #shared({ requests, within }: Rate): Rate {
    return { requests: Math.max(1, Math.floor(requests * (this.#options.share ?? SHARE))), within };
  }
}

function stopped(exchange: Exchange, { path }: HttpRequest): UnreachableError {
  return new UnreachableError(`${exchange.id} was not waited for: the step was stopped (GET ${path})`);
}
