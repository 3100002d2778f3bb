import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Venue } from './exchange.js';
import type { Faults } from './faults.js';
import { deliver, type HttpFault, type RetryAfter, rangeOf, retryAfterHeader } from './rest-faults.js';
import { type Limits, type Rule, SlidingWindow } from './rules.js';

export type RestAnswer = {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** One request as a handler sees it. */
export type RestCall = {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly venue: Venue;
  readonly now: number;
  /** Lists of trades know nothing after this time. */
  readonly knownUntil: number;
};

export type Route = {
  /** Requests per second and client; absent where only the limit of the whole host counts. */
  readonly perSecond?: number;
  /** Returns what goes into the exchange's envelope. Throws a `RestRefusal`. */
  answer(call: RestCall): unknown;
};

/** A request that the exchange refuses. `isClientFault` where no correct client would have sent it. */
export class RestRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly isClientFault: boolean;

  constructor(status: number, code: string, message: string, isClientFault = false) {
    super(message);
    this.status = status;
    this.code = code;
    this.isClientFault = isClientFault;
  }
}

/** The REST side of an exchange. */
export type RestApi = {
  readonly routes: ReadonlyMap<string, Route>;
  /** Parameters that decide what a recorded answer is of. */
  readonly decisive: readonly string[];
  envelope(result: unknown, now: number): string;
  refusal(refusal: RestRefusal, now: number): RestAnswer;
  unknownPath(path: string): RestRefusal;
  /** What is answered above an endpoint's limit, and above that of the host. */
  tooMany(now: number, isHost: boolean): RestAnswer;
  /** Headers of every answer, given how many requests the endpoint still admits. */
  headers(left: number, limit: number, now: number): Readonly<Record<string, string>>;
};

type RestHost = {
  readonly venue: Venue;
  readonly faults: Faults;
  readonly limits: Limits;
  ruleTime(): number;
  /** Rule seconds per real second. */
  readonly ruleSpeed: number;
  violate(rule: Rule, detail: string): void;
  /** Returns a recorded answer, where there is one. */
  recorded(path: string, query: URLSearchParams): RestAnswer | undefined;
};

/** Milliseconds for which requests may still arrive that were sent before a refusal was read. */
const UNDER_WAY = 500;

/** Answers HTTP as the exchange does: limits first, then the routes. */
export class RestServer {
  readonly #api: RestApi;
  readonly #host: RestHost;
  readonly #overall: SlidingWindow;
  readonly #windows = new Map<string, SlidingWindow>();
  #bannedUntil = Number.NEGATIVE_INFINITY;
  #requests = 0;
  /** By path, the rule time within which the exchange asked for no request. */
  readonly #waits = new Map<string, { readonly from: number; readonly until: number }>();

  constructor(api: RestApi, host: RestHost) {
    this.#api = api;
    this.#host = host;
    this.#overall = new SlidingWindow(host.limits.rest.most, host.limits.rest.window);
  }

  get requests(): number {
    return this.#requests;
  }

  ban(milliseconds: number): void {
    this.#bannedUntil = this.#host.ruleTime() + milliseconds;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#requests += 1;
    const url = new URL(request.url ?? '/', 'http://localhost');
    const fault = this.#host.faults.takeHttp(request.url ?? '');
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'cut') {
      response.destroy();
      return;
    }
    const answer = this.#answerTo(url, fault);
    const send = (): void => deliver(response, answer, fault);
    if (fault?.kind === 'late') setTimeout(send, fault.milliseconds);
    else send();
  }

  #answerTo(url: URL, fault: HttpFault | undefined): RestAnswer {
    const now = this.#host.venue.now();
    this.#requireWait(url.pathname);
    if (fault?.kind === 'answer') return fault;
    if (fault?.kind !== 'rate-limit' && fault?.kind !== 'host-limit') return this.#answer(url, now);
    const { status, headers, body } = this.#api.tooMany(now, fault.kind === 'host-limit');
    if (!fault.retryAfter) return { status: fault.status ?? status, headers, body };
    this.#askToWait(url.pathname, fault.retryAfter);
    return { status: fault.status ?? status, headers: { ...headers, ...retryAfterHeader(fault.retryAfter) }, body };
  }

  #askToWait(path: string, { seconds, form }: RetryAfter): void {
    const { ruleTime, ruleSpeed } = this.#host;
    const at = ruleTime();
    // An HTTP date has no fractions of a second.
    const wait = (form === 'date' ? seconds - 1 : seconds) * 1_000;
    this.#waits.set(path, { from: at + UNDER_WAY * ruleSpeed, until: at + wait * ruleSpeed });
  }

  #requireWait(path: string): void {
    const wait = this.#waits.get(path);
    const at = this.#host.ruleTime();
    if (wait && at > wait.from && at < wait.until) this.#host.violate('rest-before-retry-after', `GET ${path}`);
  }

  #answer(url: URL, now: number): RestAnswer {
    const { pathname: path, searchParams: query } = url;
    const limited = this.#limit(path, now);
    if (limited) return limited;
    const recorded = this.#host.recorded(path, query);
    if (recorded) return recorded;
    const route = this.#api.routes.get(path);
    try {
      if (!route) throw this.#api.unknownPath(path);
      const fault = this.#host.faults.takeList(`${path}?${query}`);
      const call = {
        path,
        query: rangeOf(query, fault?.range),
        venue: this.#host.venue,
        now,
        knownUntil: now - (fault?.lag ?? 0),
      };
      const answer = route.answer(call);
      const edited = this.#host.faults.edited(path, shortened(answer, fault?.rows));
      const body = this.#api.envelope(edited, now);
      return { status: 200, body, headers: this.#headers(path, route, now) };
    } catch (error) {
      if (!(error instanceof RestRefusal)) throw error;
      if (error.isClientFault) this.#host.violate('bad-request', `GET ${path}?${query}: ${error.message}`);
      return this.#api.refusal(error, now);
    }
  }

  #limit(path: string, now: number): RestAnswer | undefined {
    const { rest } = this.#host.limits;
    const at = this.#host.ruleTime();
    if (at < this.#bannedUntil) {
      this.#host.violate('rest-while-banned', `GET ${path}`);
      return this.#api.tooMany(now, true);
    }
    if (!this.#overall.admits(at)) {
      this.#host.violate('rest-rate', `more than ${rest.most} requests in ${rest.window / 1_000} s`);
      this.ban(rest.ban);
      return this.#api.tooMany(now, true);
    }
    const perSecond = this.#api.routes.get(path)?.perSecond;
    if (perSecond === undefined || this.#window(path, perSecond).admits(at)) return undefined;
    this.#host.violate('rest-rate', `more than ${perSecond} requests a second to ${path}`);
    return this.#api.tooMany(now, false);
  }

  #window(path: string, perSecond: number): SlidingWindow {
    const window = this.#windows.get(path) ?? new SlidingWindow(perSecond, 1_000);
    this.#windows.set(path, window);
    return window;
  }

  #headers(path: string, { perSecond }: Route, now: number): Readonly<Record<string, string>> {
    if (perSecond === undefined) return {};
    return this.#api.headers(this.#window(path, perSecond).left(this.#host.ruleTime()), perSecond, now);
  }
}

/** Returns a list, or the `list` within an answer, with at most `rows` rows. */
function shortened(answer: unknown, rows: number | undefined): unknown {
  if (rows === undefined || typeof answer !== 'object' || answer === null) return answer;
  if (Array.isArray(answer)) return answer.slice(0, rows);
  return 'list' in answer && Array.isArray(answer.list) ? { ...answer, list: answer.list.slice(0, rows) } : answer;
}
