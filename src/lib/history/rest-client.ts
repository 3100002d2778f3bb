import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import type { RestVerdict } from '../exchanges/rest.js';
import { UnreachableError } from '../model/errors.js';
import { formatDuration } from '../model/time.js';
import { Backoff } from '../transport/backoff.js';
import { AttemptError, withRetries } from '../transport/failure.js';
import type { HttpSender } from '../transport/http.js';
import { type Rate, RateLimiter, type ScoutRule, type SharedBudget } from '../transport/rate-limiter.js';
import { SYSTEM_TIMING, type Timing } from '../transport/timing.js';

export type RestClientOptions = {
  readonly http: HttpSender;
  /** Returns the REST origin that answers a request. */
  readonly origin: (exchange: Exchange, request: HttpRequest) => string;
  readonly signal?: AbortSignal | undefined;
  /** The used share of each rate limit; the rest is for other programs at the same IP address. */
  readonly share?: number | undefined;
  /** What this and other processes at the same address take from together; without it, this process has the limits alone. */
  readonly budget?: SharedBudget | undefined;
  /** Called before a pause that the exchange requested, and before each retry. */
  readonly onWait?: ((text: string) => void) | undefined;
  readonly timing?: Timing | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
};

/** The exchange refused the request and would refuse it again: an unknown symbol, an invalid parameter. */
export class RefusedError extends UnreachableError {}

const SHARE = 0.8;
const FIRST_PAUSE = 500;
/** Hundreds of repairs can begin together: after some seconds without a request one of them goes first. */
const SCOUT: ScoutRule = { quiet: 5_000, patience: 1_000 };

/** How long a request is tried: retries after faults, and after exceeded rate limits; pauses in milliseconds. */
type Patience = {
  readonly faults: number;
  readonly throttled: number;
  readonly longestPause: number;
  /** The request fails when the exchange asks for a longer pause than this. */
  readonly longestAsked: number;
};

const PATIENT: Patience = { faults: 5, throttled: 4, longestPause: 30_000, longestAsked: Number.POSITIVE_INFINITY };
/** For a request that has an alternative, or that somebody waits for. */
export const IMPATIENT: Patience = { faults: 3, throttled: 3, longestPause: 8_000, longestAsked: 30_000 };

/** Sends REST requests to exchanges, within their rate limits for all callers of the client together. */
export class RestClient {
  readonly #options: RestClientOptions;
  readonly #timing: Timing;
  readonly #limiters = new Map<string, RateLimiter>();

  constructor(options: RestClientOptions) {
    this.#options = options;
    this.#timing = options.timing ?? SYSTEM_TIMING;
  }

  /**
   * Returns the body of a successful answer. Waits when the rate limit is exceeded, and retries after faults. Throws a
   * `RefusedError` when the exchange refuses, an `UnreachableError` when it cannot be reached or the signal was aborted.
   */
  get(exchange: Exchange, request: HttpRequest, patience = PATIENT): Promise<string> {
    const { signal, onWait } = this.#options;
    const backoff = new Backoff({ first: FIRST_PAUSE, longest: patience.longestPause, random: this.#timing.random });
    return withRetries(() => this.#attempt(exchange, request, patience), {
      most: { fault: patience.faults, throttled: patience.throttled },
      nextPause: () => backoff.next(),
      sleep: this.#timing.sleep,
      signal,
      onRetry: ({ kind, message }, pause) => {
        if (kind === 'fault') onWait?.(`${message}; next attempt in ${Math.ceil(pause)} ms`);
      },
    });
  }

  async #attempt(exchange: Exchange, request: HttpRequest, { longestAsked }: Patience): Promise<string> {
    const { http, origin, signal, now = Date.now } = this.#options;
    const rate = exchange.rest.limit(request);
    const leave = await this.#limiter(exchange, request).enter(request.path, rate && this.#shared(rate), {
      signal,
      longest: longestAsked,
    });
    if (!leave) throw signal?.aborted ? cancelled(exchange, request) : paused(exchange, request);
    try {
      const answer = await http.send(origin(exchange, request), request);
      const verdict = exchange.rest.judge(answer, now());
      if (verdict.kind === 'data') return answer.body;
      throw this.#failure(exchange, request, verdict);
    } catch (error) {
      if (signal?.aborted) throw cancelled(exchange, request);
      throw error;
    } finally {
      leave();
    }
  }

  #failure(exchange: Exchange, request: HttpRequest, verdict: Exclude<RestVerdict, { kind: 'data' }>): UnreachableError {
    const what = `${exchange.id} ${verdict.reason}`;
    const sent = `GET ${request.path}?${new URLSearchParams(request.query)}`;
    if (verdict.kind === 'refusal') return new RefusedError(`${what} (${sent})`);
    if (verdict.kind !== 'throttled') return new AttemptError({ kind: 'fault', what, request: sent });
    this.#pause(exchange, request, verdict);
    // The limiter pauses all requests: the retry itself needs no pause.
    return new AttemptError({ kind: 'throttled', what, request: sent, pause: 0 });
  }

  #pause(exchange: Exchange, request: HttpRequest, { scope, pause, reason }: Extract<RestVerdict, { kind: 'throttled' }>): void {
    const { path } = request;
    this.#limiter(exchange, request).pause(pause, scope === 'host' ? undefined : path);
    const what = scope === 'host' ? exchange.id : `${exchange.id} ${path}`;
    this.#options.onWait?.(`${what} ${reason}: next request in ${formatDuration(Math.ceil(pause / 1_000) * 1_000_000)}`);
  }

  /** Returns the limiter of the host that answers a request: the markets of an exchange may have hosts of their own. */
  #limiter(exchange: Exchange, request: HttpRequest): RateLimiter {
    const { origin, budget } = this.#options;
    const host = `${exchange.id} ${origin(exchange, request)}`;
    const shared = budget && { budget, host };
    const limiter =
      this.#limiters.get(host) ?? new RateLimiter(this.#shared(exchange.rest.host), this.#timing, { scout: SCOUT, shared });
    this.#limiters.set(host, limiter);
    return limiter;
  }

  #shared({ requests, within }: Rate): Rate {
    return { requests: Math.max(1, Math.floor(requests * (this.#options.share ?? SHARE))), within };
  }
}

function paused({ id }: Exchange, { path }: HttpRequest): UnreachableError {
  return new UnreachableError(`${id} has asked for a pause: GET ${path} was not sent`);
}

function cancelled(exchange: Exchange, { path }: HttpRequest): UnreachableError {
  return new UnreachableError(`request to ${exchange.id} cancelled (GET ${path})`);
}
