import { createHash } from 'node:crypto';
import { SlidingWindow } from '../engine/rules.js';
import type { SyntheticMarket } from '../market/market.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import { type ApiCall, ApiRefusal, type Dialect, type PrivateRequest, type PrivateRoute, type Reply } from './dialect.js';
import { Decimal } from './engine/decimals.js';
import { Engine, type EngineOptions } from './engine/engine.js';
import type { RequestFault } from './engine/faults.js';
import { type Account, type ApiKey, type Environment, Refusal } from './engine/model.js';
import { Hub } from './hub.js';

/** A private request as the exchange saw it; `number` counts from 1. */
export type SeenRequest = {
  readonly number: number;
  /** Its place among everything that happens on the exchange. */
  readonly sequence: number;
  readonly time: number;
  readonly environment: Environment;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly key: string;
  readonly writes: boolean;
  /** `effective`: it was carried out; `refused` with `code`; `ignored`: never looked at, or answered without effect. */
  outcome: 'waiting' | 'effective' | 'refused' | 'ignored';
  code: string;
};

type DeskRule = 'rest-rate' | 'rest-while-banned' | 'bad-signature' | 'wide-scope' | 'ping-deadline';
type DeskViolation = { readonly rule: DeskRule; readonly detail: string; readonly at: number };

export type Outcome = Reply | 'cut' | 'hang';

export type DeskOptions = Partial<EngineOptions> & {
  /** Endpoint and host limits count. Default true. */
  readonly limits?: boolean;
  readonly seed?: number;
};

export type NewAccount = {
  readonly environment?: Environment;
  readonly family?: Account['family'];
  readonly holdMode?: Account['holdMode'];
  readonly marginMode?: Account['marginMode'];
  readonly balances?: Readonly<Record<string, string>>;
};

export type NewKey = Partial<Omit<ApiKey, 'account' | 'environment'>>;

/** The private side of one exchange: accounts and keys, requests, pushes, faults, and the truth about all of it. */
export class Desk {
  readonly dialect: Dialect;
  readonly engine: Engine;
  readonly hub: Hub;
  readonly accounts: Account[] = [];
  readonly keys = new Map<string, ApiKey>();
  readonly requests: SeenRequest[] = [];
  readonly violations: DeskViolation[] = [];
  readonly #hasLimits: boolean;
  readonly #windows = new Map<string, SlidingWindow>();
  readonly #overall: SlidingWindow;
  #bannedUntil = Number.NEGATIVE_INFINITY;

  constructor(dialect: Dialect, market: SyntheticMarket, clock: () => number, options: DeskOptions = {}) {
    this.dialect = dialect;
    const { fill = 'touch', liquidity = 'best', latency = 0, paysFunding = true } = options;
    this.engine = new Engine(dialect.rules, market, clock, { fill, liquidity, latency, paysFunding });
    this.hub = new Hub(this, options.seed ?? 1);
    this.#hasLimits = options.limits ?? true;
    this.#overall = new SlidingWindow(dialect.host.most, dialect.host.window);
    this.engine.onEvent = (event) => this.hub.publish(event);
  }

  get faults(): Engine['faults'] {
    return this.engine.faults;
  }

  now(): number {
    return this.engine.now();
  }

  /** Opens an account; it holds 10,000 USDT unless said otherwise. */
  open({
    environment = 'demo',
    family = 'unified',
    holdMode = 'one-way',
    marginMode = 'isolated',
    balances = { USDT: '10000' },
  }: NewAccount = {}): Account {
    const account: Account = {
      uid: String(100_000_001 + this.accounts.length),
      environment,
      family,
      holdMode,
      marginMode,
      refusesOutOfBand: false,
      makerFee: new Decimal('0.0002'),
      takerFee: new Decimal(this.dialect.takerFee),
      settings: new Map(),
      balances: new Map(),
      bills: [],
    };
    this.accounts.push(account);
    for (const [coin, amount] of Object.entries(balances)) this.deposit(account, coin, amount);
    return account;
  }

  /** Books an amount on an account, or takes it off. */
  deposit(account: Account, coin: string, amount: string): void {
    this.engine.ledger.book(account, { coin, kind: 'deposit', symbol: '', amount: new Decimal(amount) });
    this.engine.onEvent({ kind: 'account', account });
  }

  /** Makes a key that may read and trade; its texts follow from its number, so that they are the same in every run. */
  createKey(account: Account, given: NewKey = {}): ApiKey {
    const text = (name: string): string =>
      createHash('sha256').update(`fake ${this.dialect.id} ${name} ${this.keys.size}`).digest('hex');
    const key: ApiKey = {
      key: `fake-${text('key').slice(0, 18)}`,
      secret: `fake-secret-${text('secret').slice(0, 36)}`,
      passphrase: `fakepass${text('passphrase').slice(0, 8)}`,
      manage: 'write',
      trade: 'write',
      canWithdraw: false,
      canTransfer: false,
      ips: [],
      expires: undefined,
      isRevoked: false,
      ...given,
      account,
      environment: account.environment,
    };
    this.keys.set(key.key, key);
    return key;
  }

  symbol(name: string): SymbolMarket {
    return this.engine.market.get('linear', name);
  }

  /** Refuses everything for so many milliseconds, as after too many requests. */
  ban(milliseconds: number): void {
    this.#bannedUntil = this.now() + milliseconds;
  }

  violate(rule: DeskRule, detail: string): void {
    this.violations.push({ rule, detail, at: this.now() });
  }

  /** Lets happen what is due. */
  run(until: number): void {
    this.engine.run(until);
    this.hub.run(until);
  }

  /** Takes note of a request that arrives now. */
  arrive(request: PrivateRequest): SeenRequest {
    const { environment, method, path, query, body } = request;
    const seen: SeenRequest = {
      number: this.requests.length + 1,
      sequence: this.engine.next(),
      time: this.now(),
      environment,
      method,
      path,
      query,
      body,
      key: this.dialect.keyOf(request),
      writes: method !== 'GET',
      outcome: 'waiting',
      code: '',
    };
    this.requests.push(seen);
    return seen;
  }

  /** Acts on a request and answers it, at once or, where a fault says so, later. */
  handle(request: PrivateRequest, respond: (outcome: Outcome) => void, seen = this.arrive(request)): void {
    const fault = this.faults.takeRequest(request.method, request.path, request.query + request.body);
    if (fault?.when === 'before') {
      seen.outcome = 'ignored';
      this.#respond(fault, undefined, respond);
    } else if (fault?.when === 'arrives') {
      if (fault.answer) this.#respond({ ...fault, delay: 0 }, undefined, respond);
      const sent = fault.ignoresWindow ? this.now() : undefined;
      this.engine.scheduler.after(fault.delay ?? 0, () => {
        const reply = this.#answer(request, seen, false, sent);
        if (!fault.answer) respond(reply);
      });
    } else {
      const reply = this.#answer(request, seen, fault?.when === 'no-effect');
      this.#respond(fault, reply, respond);
    }
  }

  #respond(fault: RequestFault | undefined, reply: Reply | undefined, respond: (outcome: Outcome) => void): void {
    const outcome = this.#spoilt(fault, reply);
    this.engine.scheduler.after(fault?.delay ?? 0, () => respond(outcome));
  }

  #spoilt(fault: RequestFault | undefined, reply: Reply | undefined): Outcome {
    const answer = fault?.answer;
    if (answer === undefined) return reply ?? 'hang';
    if (answer === 'cut' || answer === 'hang') return answer;
    if (answer === 'empty') return { status: 200, body: '', headers: {} };
    if (answer === 'throttle') return this.dialect.throttled(this.now());
    if (answer === 'host-limit') return this.dialect.hostLimited();
    if ('body' in answer) return { ...answer, headers: {} };
    return this.dialect.refusal(new ApiRefusal(answer.code, answer.message ?? 'scripted', answer.status), this.now());
  }

  #answer(request: PrivateRequest, seen: SeenRequest, isDry: boolean, sentAt?: number): Reply {
    const { dialect } = this;
    try {
      this.#checkHost();
      const route = dialect.routes.get(`${request.method} ${request.path}`);
      if (!route) throw dialect.unknownPath(request);
      if (this.faults.isMaintenance(this.now())) throw dialect.maintenance(request);
      const key = dialect.authenticate(request, route, this, sentAt ?? this.now());
      const call = this.#callOf(request, key, seen, isDry);
      const headers = this.#checkLimit(call, route);
      const body = dialect.success(route.answer(call), this.now());
      seen.outcome = isDry ? 'ignored' : 'effective';
      return { status: 200, body, headers };
    } catch (error) {
      const refusal = this.#refusalOf(error, request);
      seen.outcome = 'refused';
      seen.code = refusal.code;
      return refusal.reply ?? dialect.refusal(refusal, this.now());
    }
  }

  #refusalOf(error: unknown, request: PrivateRequest): ApiRefusal {
    if (error instanceof ApiRefusal) return error;
    if (error instanceof Refusal) return this.dialect.translate(error, request, this.faults);
    throw error;
  }

  #callOf(request: PrivateRequest, key: ApiKey, seen: SeenRequest, isDry: boolean): ApiCall {
    let body: unknown = {};
    if (request.body !== '') {
      try {
        body = JSON.parse(request.body);
      } catch {
        throw this.dialect.badParameter('the body is not JSON');
      }
    }
    return {
      desk: this,
      engine: this.engine,
      key,
      account: key.account,
      path: request.path,
      query: new URLSearchParams(request.query),
      body,
      isDry,
      number: seen.number,
      now: this.now(),
    };
  }

  #checkHost(): void {
    if (!this.#hasLimits) return;
    const now = this.now();
    if (now < this.#bannedUntil) {
      this.violate('rest-while-banned', 'a request while the host refuses them');
      throw new ApiRefusal('host', 'banned', 0, this.dialect.hostLimited());
    }
    if (this.#overall.admits(now)) return;
    this.violate('rest-rate', `more than ${this.dialect.host.most} requests in ${this.dialect.host.window} ms`);
    this.ban(this.dialect.host.ban);
    throw new ApiRefusal('host', 'banned', 0, this.dialect.hostLimited());
  }

  /** Counts the call, a batch by its orders where the exchange does, and returns the headers that tell what is left. */
  #checkLimit(call: ApiCall, { perSecond }: PrivateRoute): Readonly<Record<string, string>> {
    const window = this.window(call.account, call.path, perSecond);
    const now = this.now();
    if (this.#hasLimits && !window.admits(now)) {
      this.violate('rest-rate', `more than ${perSecond} requests a second to ${call.path}`);
      throw new ApiRefusal('throttled', 'throttled', 0, this.dialect.throttled(now));
    }
    return this.dialect.limitHeaders(perSecond, window.left(now), now);
  }

  window(account: Account, path: string, perSecond: number): SlidingWindow {
    const name = `${account.uid} ${path}`;
    const window = this.#windows.get(name) ?? new SlidingWindow(perSecond, 1_000);
    this.#windows.set(name, window);
    return window;
  }

  get hasLimits(): boolean {
    return this.#hasLimits;
  }
}
