import { UnreachableError } from '../model/errors.js';

/** `fault`: the same request may succeed later. `throttled`: it may after a pause. `final`: it fails the same way again. */
export type FailureKind = 'fault' | 'throttled' | 'final';

/** One failed attempt, in the parts of its message: `what (request); hint`. */
type FailureParts = {
  readonly kind: FailureKind;
  /** What happened, with the host: `127.0.0.1:443 refused the connection`. */
  readonly what: string;
  /** `GET /v5/market/time`. */
  readonly request?: string | undefined;
  /** What the user can do. */
  readonly hint?: string | undefined;
  /** Milliseconds until the next attempt, where the server asked for a pause. */
  readonly pause?: number | undefined;
  readonly cause?: unknown;
};

/** A failed attempt over the network. */
export class AttemptError extends UnreachableError {
  readonly kind: FailureKind;
  readonly pause: number | undefined;
  readonly #parts: FailureParts;

  constructor(parts: FailureParts, attempts = 1) {
    const { what, request, hint, cause } = parts;
    const tries = attempts > 1 ? ` after ${attempts} attempts` : '';
    super(`${what}${tries}${request === undefined ? '' : ` (${request})`}${hint === undefined ? '' : `; ${hint}`}`, { cause });
    this.kind = parts.kind;
    this.pause = parts.pause;
    this.#parts = parts;
  }

  /** What happened, without the request and the hint. */
  get what(): string {
    return this.#parts.what;
  }

  /** Returns the error of the last of several attempts. */
  after(attempts: number): AttemptError {
    return new AttemptError(this.#parts, attempts);
  }
}

const CHECK_NETWORK = 'check the network or set HTTPS_PROXY';

/** What failed, by the code of Node or undici; `#` stands for the host. */
const REASONS: Readonly<Record<string, { readonly what: string; readonly hint?: string }>> = {
  ECONNREFUSED: { what: '# refused the connection' },
  ECONNRESET: { what: '# reset the connection' },
  EPIPE: { what: '# reset the connection' },
  UND_ERR_SOCKET: { what: '# closed the connection early' },
  ENOTFOUND: { what: 'cannot resolve # (DNS)', hint: CHECK_NETWORK },
  EAI_AGAIN: { what: 'cannot resolve # (DNS)', hint: CHECK_NETWORK },
  EHOSTUNREACH: { what: 'no route to #', hint: CHECK_NETWORK },
  ENETUNREACH: { what: 'no route to #', hint: CHECK_NETWORK },
  ETIMEDOUT: { what: 'connecting to # timed out', hint: CHECK_NETWORK },
  UND_ERR_CONNECT_TIMEOUT: { what: 'connecting to # timed out', hint: CHECK_NETWORK },
};

/** Returns what a network error means, and what to do. The host is the one that the error names: it may be a proxy. */
export function networkFailure(error: Error, host: string): { readonly what: string; readonly hint?: string } {
  const { code, message, hostname } = innermost(error) as NodeJS.ErrnoException & { hostname?: string };
  const { what, hint } = REASONS[code ?? ''] ?? { what: `cannot reach #: ${message}` };
  const named = what.replace('#', () => hostname ?? host);
  return hint === undefined ? { what: named } : { what: named, hint };
}

/** An attempt over IPv6 and IPv4 hides its reasons in a list, `fetch` hides them in a cause. */
function innermost(error: Error): Error {
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner instanceof Error ? innermost(inner) : error;
}

type RetryOptions = {
  /** Attempts after the first one, by what failed. */
  readonly most: { readonly fault: number; readonly throttled: number };
  /** Returns the pause before the next attempt, ms, where the server asked for none. */
  readonly nextPause: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** Ends the attempts. */
  readonly signal?: AbortSignal | undefined;
  /** Called before each pause. */
  readonly onRetry?: ((failure: AttemptError, pause: number) => void) | undefined;
};

/** Returns what the first attempt that succeeds returns. Throws the last `AttemptError`, with the number of attempts. */
export async function withRetries<Value>(attempt: () => Promise<Value>, options: RetryOptions): Promise<Value> {
  const { most, nextPause, sleep, signal, onRetry } = options;
  const failures = { fault: 0, throttled: 0, final: 0 };
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error;
      const { kind } = error;
      failures[kind] += 1;
      if (kind === 'final' || signal?.aborted || failures[kind] > most[kind]) throw error.after(attempts);
      const own = nextPause();
      const pause = error.pause ?? own;
      onRetry?.(error, pause);
      if (pause > 0) await sleep(pause, signal);
    }
  }
}
