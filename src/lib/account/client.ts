import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import type {
  AccountFamily,
  Outcome,
  PrivatePage,
  PrivateRead,
  PrivateSide,
  SigningContext,
  TradingMode,
  WireBytes,
} from '../exchanges/private-side.js';
import type { RestAnswer } from '../exchanges/rest.js';
import { FailureError, UnreachableError, UsageError } from '../model/errors.js';
import type { Market } from '../model/records.js';
import { formatDuration } from '../model/time.js';
import type { Secret } from '../secrets/secret.js';
import { Backoff } from '../transport/backoff.js';
import { AttemptError } from '../transport/failure.js';
import type { HttpSender } from '../transport/http.js';
import { RateLimiter } from '../transport/rate-limiter.js';
import { SYSTEM_TIMING, type Timing } from '../transport/timing.js';

/** One key of one exchange, and where it is used. */
type AccountKey = {
  readonly exchange: Exchange;
  readonly side: PrivateSide;
  readonly name: string;
  readonly mode: TradingMode;
  readonly key: Secret;
  readonly secret: Secret;
  readonly passphrase?: Secret | undefined;
  readonly endpoints: { readonly rest: string; readonly websocket: string };
};

export type AccountClientOptions = {
  readonly http: HttpSender;
  readonly signal?: AbortSignal | undefined;
  /** The used share of each rate limit; the rest is for other programs with the same key. */
  readonly share?: number | undefined;
  readonly onWait?: ((text: string) => void) | undefined;
  readonly timing?: Timing | undefined;
  /** Milliseconds since the epoch, of the host's clock. */
  readonly now?: (() => number) | undefined;
};

/** An exchange refused a signed request, or did not answer it. Exit 5; the message names the likely cause. */
export class AccountError extends UnreachableError {
  readonly outcome: Outcome;

  constructor(account: AccountKey, outcome: Outcome) {
    const { exchange, name, side, mode } = account;
    const advice = side.advice(outcome, mode);
    super(`${exchange.id} account ${name}: ${outcome.message}${advice === '' ? '' : `; ${advice}`}`);
    this.outcome = outcome;
  }
}

/** An answer, and what it means; without an answer the request may have arrived or not. */
type SignedAnswer = { readonly outcome: Outcome; readonly answer?: RestAnswer | undefined };

const SHARE = 0.5;
const MOST_FAULTS = 4;
const MOST_THROTTLED = 4;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** A ban or a release outlasts any command that waits for it. */
const LONGEST_WAIT = 20_000;
/** Pages of one list; more would be a cursor that goes round in circles. */
const MOST_PAGES = 1_000;

/** Sends signed requests of one account within its rate limits, by the clock of the exchange. */
export class AccountClient {
  readonly account: AccountKey;
  readonly #options: AccountClientOptions;
  readonly #timing: Timing;
  readonly #limiter: RateLimiter;
  #offset: number | undefined;

  constructor(account: AccountKey, options: AccountClientOptions) {
    this.account = account;
    this.#options = options;
    this.#timing = options.timing ?? SYSTEM_TIMING;
    this.#limiter = new RateLimiter(this.#shared(account.side.host), this.#timing);
  }

  /** Milliseconds by which the exchange's clock is ahead of the host's; measured by `synchronise`, kept by each answer. */
  get offset(): number {
    return this.#offset ?? 0;
  }

  /** The exchange's time, milliseconds since the epoch. */
  now(): number {
    return this.#hostTime() + this.offset;
  }

  /** Measures the offset of the clocks. Throws an `UnreachableError` when the exchange does not answer. */
  async synchronise(): Promise<number> {
    const { exchange } = this.account;
    const { clock } = exchange;
    if (!clock) throw new FailureError(`${exchange.id} has no clock to sign by`);
    const { answer, sent, received } = await this.#withFaults(async () => {
      const sent = this.#hostTime();
      const answer = await this.#send(clock.request);
      return { answer, sent, received: this.#hostTime() };
    });
    this.#offset = Math.round(clock.parse(answer.body) / 1_000 - (sent + received) / 2);
    return this.#offset;
  }

  /** Returns what signs a request or a login at a time (milliseconds of the exchange), now where none is named. */
  signing(timestamp = this.now()): SigningContext {
    const { key, secret, passphrase, mode } = this.account;
    return {
      key: key.reveal(),
      passphrase: passphrase?.reveal(),
      hmac: (text, encoding) => secret.hmac(text, encoding),
      timestamp: Math.floor(timestamp),
      mode,
    };
  }

  /** Returns the last price of a symbol, undefined where it cannot be had: it is only shown. */
  async lastPrice(market: Market, symbol: string): Promise<number | undefined> {
    const { lastPrice } = this.account.exchange;
    if (!lastPrice) return undefined;
    const request = lastPrice.request(market, symbol);
    try {
      return lastPrice.parse(request, (await this.#send(request)).body).price;
    } catch {
      return undefined;
    }
  }

  /**
   * Sends one signed request once, within the limits, and says what became of it: also where there was no answer. `timestamp` is
   * the exchange's time to sign with. Throws where the client was stopped before the request left.
   */
  async send(request: HttpRequest, timestamp?: number): Promise<SignedAnswer> {
    return this.#judged(request, () => this.#send(request, timestamp));
  }

  async #judged(request: HttpRequest, send: () => Promise<RestAnswer>): Promise<SignedAnswer> {
    const sent = this.#hostTime();
    try {
      const answer = await send();
      const outcome = this.account.side.judge(answer, this.now());
      if (outcome.class === 'success') this.#bound(this.account.side.timeOf(answer.body), sent);
      if (outcome.pause !== undefined && (outcome.class === 'throttle' || outcome.class === 'ban'))
        this.#limiter.pause(outcome.pause, outcome.class === 'ban' ? undefined : request.path);
      return { outcome, answer };
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error;
      return { outcome: { class: 'unknown', message: error.message } };
    }
  }

  /**
   * As `send`, for a request that is decided at the last moment: `make` is called when the limits of one like `sample` admit it.
   * Where it returns nothing, nothing is sent.
   */
  async sendLate(
    sample: HttpRequest,
    make: () => { readonly request: HttpRequest; readonly timestamp: number } | undefined,
  ): Promise<(SignedAnswer & { readonly request: HttpRequest }) | undefined> {
    const leave = await this.#enter(sample);
    try {
      const made = make();
      return (
        made && {
          ...(await this.#judged(made.request, () => this.#exchange(made.request, made.timestamp))),
          request: made.request,
        }
      );
    } finally {
      leave();
    }
  }

  /** Returns the family of the account. Throws an `AccountError` where the answer proves none: nothing is guessed. */
  async family(): Promise<AccountFamily> {
    const { side } = this.account;
    const { answer, outcome } = await this.#retried(side.probe, (outcome) => outcome.class === 'key');
    const family = answer && side.familyOf(answer, this.now());
    if (family) return family;
    const isOther = outcome.class === 'success';
    throw new AccountError(
      this.account,
      isOther ? { class: 'key', cause: 'family', message: 'the account is of a kind that is not supported' } : outcome,
    );
  }

  /**
   * Returns all rows of a read, every page. Waits for limits, tries again after faults, and measures the clock again after a
   * refused timestamp. Throws an `AccountError` when the exchange refuses, a `FailureError` when an answer cannot be read.
   */
  async read<Item>({ requests, parse }: PrivateRead<Item>): Promise<PrivatePage<Item>> {
    const pages = await Promise.all(requests.map((request) => this.#pages(request, parse)));
    const all = pages.flat();
    return {
      items: all.flatMap(({ items }) => items),
      rejected: all.flatMap(({ rejected }) => rejected),
      time: all.reduce<number | undefined>(
        (latest, { time }) => (time === undefined ? latest : Math.max(latest ?? 0, time)),
        undefined,
      ),
      totals: all.find(({ totals }) => totals !== undefined)?.totals,
    };
  }

  async #pages<Item>(first: HttpRequest, parse: PrivateRead<Item>['parse']): Promise<PrivatePage<Item>[]> {
    const pages: PrivatePage<Item>[] = [];
    const seen = new Set<string>();
    for (let request: HttpRequest | undefined = first; request; request = pages.at(-1)?.next) {
      const { answer, outcome } = await this.#retried(request);
      if (outcome.class !== 'success' || !answer) throw new AccountError(this.account, outcome);
      const page = parse(request, answer.body);
      // A cursor that the exchange reads in another way gives the first page again, for ever.
      const content = JSON.stringify(page.items);
      if (page.items.length > 0 && seen.has(content))
        throw new FailureError(
          `${this.account.exchange.id} ${request.path}: a page of the list arrived twice, so the rest is not known`,
        );
      seen.add(content);
      pages.push(page);
      if (pages.length > MOST_PAGES)
        throw new FailureError(`${this.account.exchange.id} ${request.path}: more than ${MOST_PAGES} pages`);
    }
    return pages;
  }

  /** Sends a GET until its answer is final. `isFinal` accepts further outcomes. */
  async #retried(request: HttpRequest, isFinal: (outcome: Outcome) => boolean = () => false): Promise<SignedAnswer> {
    const backoff = new Backoff({ first: FIRST_PAUSE, longest: LONGEST_PAUSE, random: this.#timing.random });
    const failures = { fault: 0, throttled: 0, clock: 0 };
    for (;;) {
      const result = await this.send(request);
      const { outcome } = result;
      const kind = failureKind(outcome);
      if (kind === undefined || isFinal(outcome)) return result;
      failures[kind] += 1;
      const most = { fault: MOST_FAULTS, throttled: MOST_THROTTLED, clock: 1 }[kind];
      const pause = outcome.pause ?? (kind === 'clock' ? 0 : backoff.next());
      if (failures[kind] > most || pause > LONGEST_WAIT || this.#options.signal?.aborted) return result;
      if (kind === 'clock') await this.synchronise();
      this.#options.onWait?.(
        `${this.account.exchange.id} ${outcome.message}: next request in ${formatDuration(Math.ceil(pause / 1_000) * 1_000_000)}`,
      );
      if (pause > 0) await this.#timing.sleep(pause, this.#options.signal);
    }
  }

  async #withFaults<Value>(attempt: () => Promise<Value>): Promise<Value> {
    const backoff = new Backoff({ first: FIRST_PAUSE, longest: LONGEST_PAUSE, random: this.#timing.random });
    for (let faults = 0; ; faults++) {
      try {
        return await attempt();
      } catch (error) {
        const isFinal = !(error instanceof AttemptError) || error.kind === 'final';
        if (isFinal || faults >= MOST_FAULTS || this.#options.signal?.aborted) throw error;
        await this.#timing.sleep(backoff.next(), this.#options.signal);
      }
    }
  }

  async #send(request: HttpRequest, timestamp?: number): Promise<RestAnswer> {
    const leave = await this.#enter(request);
    try {
      return await this.#exchange(request, timestamp);
    } finally {
      leave();
    }
  }

  /** Waits for the limits of a request; returns what to call when it is over. */
  async #enter(request: HttpRequest): Promise<() => void> {
    const { account } = this;
    const rate = account.side.limit(request);
    const leave = await this.#limiter.enter(request.path, rate && this.#shared(rate), { signal: this.#options.signal });
    if (!leave) throw new UnreachableError(`request to ${account.exchange.id} cancelled (${request.path})`);
    return leave;
  }

  #exchange(request: HttpRequest, timestamp?: number): Promise<RestAnswer> {
    const { side, endpoints } = this.account;
    const sign = (bytes: WireBytes) => side.sign(bytes, this.signing(timestamp));
    return this.#options.http.send(endpoints.rest, request, request.signed ? sign : undefined);
  }

  #shared({ requests, within }: { readonly requests: number; readonly within: number }) {
    return { requests: Math.max(1, Math.floor(requests * (this.#options.share ?? SHARE))), within };
  }

  /**
   * An exchange answers after the request left and before the answer arrived: a step of the host's clock shows in the first answer.
   * Without this, a list up to now would lack what has just filled until the clock is measured again.
   */
  #bound(time: number | undefined, sent: number): void {
    if (time === undefined) return;
    const answered = Math.round(time / 1_000);
    this.#offset = Math.max(Math.min(this.offset, answered - sent), answered - this.#hostTime());
  }

  #hostTime(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** Returns how a read goes on after an outcome, undefined where the outcome is final. */
function failureKind({ class: outcome }: Outcome): 'fault' | 'throttled' | 'clock' | undefined {
  if (outcome === 'unknown' || outcome === 'maintenance' || outcome === 'busy') return 'fault';
  if (outcome === 'throttle' || outcome === 'ban') return 'throttled';
  return outcome === 'clock' ? 'clock' : undefined;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Refuses to sign for a host that is neither the exchange's own nor this machine: its operator would get a key and signed
 * requests. `accepted` are hosts that the user names. Plain text is for this machine alone. Throws a `UsageError`.
 */
export function guardEndpoint(origin: string, { origins, hosts }: PrivateSide, accepted: readonly string[]): void {
  const { protocol, hostname, host } = new URL(origin);
  if (LOOPBACK.test(hostname)) return;
  if (protocol === 'http:' || protocol === 'ws:')
    throw new UsageError(
      `${origin}: signed requests need ${protocol === 'http:' ? 'https' : 'wss'}; plain text is accepted on this machine only`,
    );
  const own = Object.values(origins).flatMap(({ rest, websocket }) => [new URL(rest).hostname, new URL(websocket).hostname]);
  if (own.includes(hostname) || hosts.includes(hostname) || accepted.includes(host) || accepted.includes(hostname)) return;
  throw new UsageError(
    `${origin} is not a documented host of the exchange: it would get signed requests; --accept-endpoint ${host} allows it`,
  );
}
