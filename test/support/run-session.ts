import { AccountClient } from '../../src/lib/account/client.js';
import { EXCHANGES } from '../../src/lib/exchanges/index.js';
import type { AccountFamily, PrivateSide } from '../../src/lib/exchanges/private-side.js';
import { AccountFeed } from '../../src/lib/execution/live/account-feed.js';
import { ExchangeVenue } from '../../src/lib/execution/live/exchange-venue.js';
import { Runner, type RunnerOptions } from '../../src/lib/execution/live/runner.js';
import type { InstrumentRules, RunConfig, RunState, StopMode } from '../../src/lib/execution/state.js';
import { MemoryRunStore } from '../../src/lib/execution/store/memory-store.js';
import type { RunStore } from '../../src/lib/execution/store/run-store.js';
import { LimitError } from '../../src/lib/model/errors.js';
import type { EventRecord, Order as OrderRecord } from '../../src/lib/model/records.js';
import { Exact } from '../../src/lib/model/ticks.js';
import { Secret } from '../../src/lib/secrets/secret.js';
import { still } from '../support-tests/accounts/signed-client.js';
import type { Desk, DeskOptions, SeenRequest } from './exchange-server/accounts/desk.js';
import { Decimal } from './exchange-server/accounts/engine/decimals.js';
import {
  type Account,
  type ApiKey,
  isOpen,
  type Order,
  type Position,
  remaining,
  type Slot,
} from './exchange-server/accounts/engine/model.js';
import type { AccountServer } from './exchange-server/accounts/server.js';
import { seeded } from './random.js';
import { VirtualWire } from './virtual-wire.js';

export const RUN_KINDS = [
  ['bitget', 'unified'],
  ['bitget', 'classic'],
  ['bybit', 'unified'],
] as const;
/** The same accounts with long and short side by side. */
export const HEDGE_KINDS = [
  ['bitget', 'unified', 'hedge'],
  ['bitget', 'classic', 'hedge'],
  ['bybit', 'unified', 'hedge'],
] as const;
export const ALL_KINDS = [...RUN_KINDS, ...HEDGE_KINDS] as const;
export type RunKind = readonly ['bitget', 'unified' | 'classic', 'hedge'?] | readonly ['bybit', 'unified', 'hedge'?];

/** What the adapter of classic accounts does in its own way; everything else of them is the executor's, and left to the soak. */
const CLASSIC =
  /places the ladder|killed at each after-intent|\(S2, S27\)|\(S5|\(S10|\(S13|\(S16|\(S20\)|\(S21\)|\(S33\)|\(S42\)|\(S59|short grid|asked to stop/;

/** Cheaper where they only repeat what the same account in one-way mode shows; the soak sets `MDTOOL_ALL_KINDS`. */
export function samplesOf([, , mode]: RunKind, count: number): number {
  return mode === 'hedge' && process.env.MDTOOL_ALL_KINDS !== '1' ? Math.ceil(count / 5) : count;
}

/** What names a side, or depends on which position a row is of, on an account in hedge mode. */
const HEDGE =
  /places the ladder|\(cut\)|\(S4\)|\(S5|\(S8|\(S12|S14, S32|\(S15|\(S16|three times in a cycle|\(S21\)|\(S26|\(S33\)|\(S42\)|\(S52\)|\(S59|short grid|halted run|whatever happens.*\(seed 1\)/;

/** Whether a test of a kind of account is too much for the suite; the soak sets `MDTOOL_ALL_KINDS`. */
export function isLeftToSoak([, family, mode]: RunKind, name: string): boolean {
  if (process.env.MDTOOL_ALL_KINDS === '1') return false;
  return (family === 'classic' && !CLASSIC.test(name)) || (mode === 'hedge' && !HEDGE.test(name));
}

const STEP = 250;
const SYMBOL = 'ETHUSDT';
const RULES = { tick: '0.01', lot: '0.01', minAmount: '0.01', maxAmount: '120000', minNotional: '5' };
const CODE = '0123456789abcdefghijklmnopqrstuvwxyz';

export type RunSessionOptions = {
  readonly seed?: number;
  readonly config?: Partial<RunConfig>;
  /** Milliseconds that requests travel at most, each way. */
  readonly latency?: number;
  readonly accounts?: DeskOptions;
  readonly account?: Parameters<Desk['open']>[0];
  readonly rules?: Partial<InstrumentRules>;
  /** A journal on disk instead of one in memory. */
  readonly store?: ((config: RunConfig) => RunStore) | undefined;
  /** Looks for broken invariants only where a test does: they take most of the time of a day. */
  readonly isCheckedSeldom?: boolean;
};

/** A run against an exchange in one process, in a time that passes when the session lets it, with the truth beside it. */
export class RunSession {
  readonly server: AccountServer;
  readonly owner: Account;
  readonly key: ApiKey;
  readonly family: AccountFamily;
  store: RunStore;
  wire: VirtualWire;
  runner: Runner;
  /** The exit code of the process that ended last; an error where it threw. */
  ended: number | Error | undefined;
  price = '100.00';
  /** Broken invariants. */
  readonly faults: string[] = [];
  readonly events: EventRecord[] = [];
  readonly random: () => number;
  readonly kind: RunKind;
  readonly #options: RunSessionOptions;
  #starts = 0;
  #excessSince: number | undefined;
  /** Requests that were looked at, and orders whose intent was found. */
  #checkedRequests = 0;
  readonly #journalled = new Set<string>();
  at: RunnerOptions['at'];
  /** Called before a request takes effect, and after it has. */
  onRequest: VirtualWire['onRequest'];
  noNewCycle: string | undefined;
  /** When the key expires, microseconds. */
  keyExpires: number | undefined;
  /** Whether somebody else has traded: how much is held and bound is then not the run's doing alone. */
  isTouched = false;
  /** What orders must fit, and why no cycle may begin, as the exchange says it. */
  rules: InstrumentRules;
  refusal: string | undefined;
  readonly #seen = new Map<string, { filled: number; hasEnded: boolean }>();

  constructor(kind: RunKind, options: RunSessionOptions = {}) {
    const [id, family, mode] = kind;
    this.kind = kind;
    this.#options = options;
    this.random = seeded(options.seed ?? 1);
    this.rules = { ...RULES, ...options.rules };
    this.server = still(id, { accounts: { seed: options.seed ?? 1, ...options.accounts } });
    this.owner = this.desk.open({ family, holdMode: mode ?? 'one-way', ...options.account });
    this.key = this.desk.createKey(this.owner);
    const exchange = EXCHANGES.find((one) => one.id === id) as (typeof EXCHANGES)[number];
    this.family = (exchange.privateSide as PrivateSide).families.find((one) => one.id === family) as AccountFamily;
    const leverage = new Decimal(10);
    this.desk.engine.setLeverage(this.owner, this.desk.symbol(SYMBOL), { long: leverage, short: leverage });
    const config = this.#config(options.config);
    this.store = options.store?.(config) ?? new MemoryRunStore(config);
    this.wire = this.#wire();
    this.runner = this.#runner();
  }

  get desk(): Desk {
    return this.server.desk;
  }

  #wire(): VirtualWire {
    const wire = new VirtualWire(this.server, this.random, this.#options.latency ?? 100);
    wire.onRequest = (phase) => this.onRequest?.(phase);
    return wire;
  }

  #config(more: Partial<RunConfig> = {}): RunConfig {
    const [exchange, family, mode] = this.kind;
    return {
      name: 'eth',
      id: 'abc123',
      given: {},
      exchange,
      market: 'linear',
      symbol: SYMBOL,
      settle: 'USDT',
      mode: 'demo',
      account: 'default',
      family,
      side: 'long',
      ...(mode && { positionMode: mode }),
      marginMode: 'isolated',
      leverage: '10',
      settings: {
        side: more.side ?? 'long',
        leverage: '10',
        levels: 5,
        coverage: '0.08',
        multiplier: '1.5',
        takeProfit: '0.02',
        spacing: 'arithmetic',
        sizing: 'full',
        marginMode: 'isolated',
      },
      deposit: '1000',
      compounds: false,
      restart: 60_000,
      limits: { maxDeposit: '1000', maxOrders: 100, maxCyclesPerHour: 30 },
      onHalt: 'keep',
      window: exchange === 'bitget' ? 30_000 : 5_000,
      batch: 5,
      ...more,
    };
  }

  /** A client of the account, on the wire of the process that runs. */
  client(): AccountClient {
    const [id] = this.kind;
    const exchange = EXCHANGES.find((one) => one.id === id) as (typeof EXCHANGES)[number];
    const secrets = {
      key: new Secret(this.key.key),
      secret: new Secret(this.key.secret),
      passphrase: new Secret(this.key.passphrase),
    };
    const { wire } = this;
    const side = exchange.privateSide as PrivateSide;
    const endpoints = { rest: 'http://x', websocket: 'ws://x' };
    return new AccountClient(
      { exchange, side, name: 'default', mode: 'demo', ...secrets, endpoints },
      { http: wire.http, timing: wire.timing, now: () => this.desk.now() + wire.skew },
    );
  }

  #runner(resume = false): Runner {
    const { timing, connect } = this.wire;
    const client = this.client();
    this.#starts += 1;
    const code = `a${CODE[Math.floor(this.#starts / 36)]}${CODE[this.#starts % 36]}`;
    return new Runner({
      store: this.store,
      venue: new ExchangeVenue({
        client,
        family: this.family,
        config: this.store.config,
        feed: new AccountFeed({ client, family: this.family, timing, userAgent: 'test', connect }),
        quote: async () => ({ price: this.price, rules: this.rules, refusal: this.refusal }),
      }),
      rules: this.rules,
      code,
      resume,
      noNewCycle: this.noNewCycle,
      keyExpires: this.keyExpires,
      timing,
      onRecords: (rows) => {
        for (const { record } of rows) {
          if (record.type === 'event') this.events.push(record);
          if (record.type === 'order') this.#follow(record);
        }
      },
      at: (point, state) => this.at?.(point, state),
    });
  }

  /** Makes the process that has not started yet anew: its configuration has changed. */
  rebuild(): void {
    this.runner = this.#runner();
  }

  /** Starts the process. */
  start(): this {
    const { runner } = this;
    this.ended = undefined;
    runner.run().then(
      (code) => {
        if (this.runner === runner) this.ended = code;
      },
      (error) => {
        if (this.runner === runner) this.ended = error;
      },
    );
    return this;
  }

  /** The process ends as with SIGKILL, and another one starts on its journal. */
  restart({ resume = false } = {}): void {
    this.wire.kill();
    this.wire = this.#wire();
    this.runner = this.#runner(resume);
    this.start();
  }

  /** Lets time pass, and looks after each step whether what must hold does. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.desk.now() + milliseconds;
    while (this.desk.now() < until) {
      await this.wire.jump(Math.min(STEP, until - this.desk.now()));
      if (!this.#options.isCheckedSeldom) this.check();
    }
  }

  /** Lets time pass until a promise is settled; returns what it threw. */
  async during<Value>(promise: Promise<Value>): Promise<Value | Error> {
    let ended: Value | Error | undefined;
    let isEnded = false;
    const end = (result: Value | Error) => {
      ended = result;
      isEnded = true;
    };
    promise.then(end, end);
    while (!isEnded) await this.wire.jump(STEP);
    return ended as Value | Error;
  }

  /** Lets time pass until something is so. Throws when it is not within a time. */
  async until(what: string, isSo: () => boolean, within = 120_000): Promise<void> {
    const limit = this.desk.now() + within;
    while (!isSo()) {
      if (this.desk.now() >= limit)
        throw new Error(
          `${what}: not within ${within} ms; ${JSON.stringify({ phase: this.runner.state.phase, ended: String(this.ended), halt: this.runner.state.halt, events: this.events.slice(-6).map(({ kind, message }) => `${kind}: ${message}`) })}`,
        );
      await this.pass(STEP / 5);
    }
  }

  async working(within?: number): Promise<void> {
    await this.until(
      'the ladder rests',
      () => this.runner.state.phase === 'working' && this.levels().length === this.plannedLevels(),
      within,
    );
  }

  plannedLevels(): number {
    return this.runner.state.wanted.levels.filter((level) => !this.filledLevels().includes(level)).length;
  }

  filledLevels(): number[] {
    return this.runner.state.orders
      .filter(({ role, fillSum }) => role === 'level' && Number(fillSum) > 0)
      .map(({ number }) => number);
  }

  move(price: string): void {
    this.price = price;
    this.server.market.setPrice(SYMBOL, price);
  }

  /** Open orders of the account by client id. */
  open(): Order[] {
    return this.desk.engine.orders.openOf(this.owner);
  }

  levels(): Order[] {
    return this.open().filter(({ clientId }) => /-L\d\d-/.test(clientId));
  }

  takeProfits(): Order[] {
    return this.open().filter(({ clientId }) => /-T\d+-/.test(clientId));
  }

  ofRole(pattern: RegExp): Order[] {
    return this.desk.engine.orders.all().filter(({ clientId }) => pattern.test(clientId));
  }

  /** The position of the run; it may be flat. */
  position(): Position | undefined {
    const { side } = this.store.config;
    return this.desk.engine.ledger.position(this.owner, this.desk.symbol(SYMBOL), this.kind[2] === 'hedge' ? side : 'net');
  }

  held(): Decimal {
    return this.position()?.amount ?? new Decimal(0);
  }

  request(side: 'buy' | 'sell', amount: string, price?: string, closes = false) {
    const slot: Slot = this.kind[2] !== 'hedge' ? 'net' : (side === 'buy') === closes ? 'short' : 'long';
    return {
      account: this.owner,
      symbol: this.desk.symbol(SYMBOL),
      side,
      slot,
      kind: price === undefined ? 'market' : 'limit',
      force: 'gtc',
      price: price === undefined ? undefined : new Decimal(price),
      amount: new Decimal(amount),
      reduceOnly: false,
      clientId: undefined,
      cause: 'site',
    } as const;
  }

  /** The owner trades on the site: by market without a price. */
  trade(side: 'buy' | 'sell', amount: string, reduceOnly: boolean, price?: string): Order {
    const { id } = this.desk.engine.place({ ...this.request(side, amount, price, reduceOnly), reduceOnly });
    return this.desk.engine.orders.get(id) as Order;
  }

  /** The journal is as it was at a state: what came later is lost. */
  forget(state: RunState): void {
    const store = new MemoryRunStore(this.store.config);
    store.commit({ state, intents: [], orders: [], fills: [], outbox: [] });
    this.store = store;
    this.#journalled.clear();
  }

  /** Commits fail as on a full disk. */
  failCommits(isFull: () => boolean): void {
    const store = this.store;
    const commit = Object.getPrototypeOf(store).commit.bind(store);
    store.commit = (change) => {
      if (isFull()) throw new LimitError('no space left on the device');
      commit(change);
    };
  }

  stop(mode: StopMode): void {
    this.runner.stop(mode);
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  /** What has filled never goes down, and an order that has ended never opens again; one that was given up may turn up late. */
  #follow({ clientId = '', filled = 0, status }: OrderRecord): void {
    const before = this.#seen.get(clientId);
    const hasEnded = status === 'filled' || (status === 'cancelled' && this.ofRole(new RegExp(clientId)).length > 0);
    if (before && (filled < before.filled || (before.hasEnded && status !== 'filled' && status !== 'cancelled')))
      this.#fault(`${clientId} went back to ${status} ${filled}`);
    this.#seen.set(clientId, { filled, hasEnded });
  }

  /** Invariants of the truth. */
  check(): void {
    const own = this.open().filter((order) => this.#isOurs(order));
    const roles = own.map(({ clientId }) => /-([0-9a-z]+-[ELX]\d*|[0-9a-z]+-T)/.exec(clientId.slice(12))?.[1] ?? clientId);
    this.#checkRoles(roles);
    this.#checkJournal();
    const target = this.takeProfits().reduce((sum, order) => sum.plus(remaining(order)), new Decimal(0));
    if (target.gt(this.held()) && this.takeProfits().length < 2 && !this.isTouched)
      this.#fault(`take profits close ${target}, held is ${this.held()}`);
    const position = this.position();
    const side = this.store.config.side;
    if (position && !position.amount.isZero() && position.side !== side) this.#fault(`the position turned to ${position.side}`);
    const bound = own
      .filter(({ reduceOnly, kind }) => !reduceOnly && kind === 'limit')
      .reduce(
        (sum, order) => sum.plus(remaining(order).mul(order.price)),
        position ? position.amount.mul(position.average) : new Decimal(0),
      );
    if (bound.div(10).gt(this.store.config.limits.maxDeposit) && !this.isTouched) this.#fault(`the margin is ${bound.div(10)}`);
    const { requests } = this.desk;
    for (; this.#checkedRequests < requests.length; this.#checkedRequests += 1) {
      const { path, writes } = requests[this.#checkedRequests] as SeenRequest;
      if (writes && /hold-mode|margin-mode|switch|amend|modify/.test(path)) this.#fault(`${path} was called`);
    }
  }

  /** Every order on the exchange has an intent. A journal keeps its intents: one that was found is not looked for again. */
  #checkJournal(): void {
    const isNew = (order: Order) => !this.#journalled.has(order.clientId) && this.#isOurs(order);
    const unknown = this.desk.engine.orders.all().filter(isNew);
    if (unknown.length === 0) return;
    const intents = new Set(this.store.intents().map(({ clientId }) => clientId));
    for (const { clientId } of unknown)
      if (intents.has(clientId)) this.#journalled.add(clientId);
      else this.#fault(`${clientId} is on the exchange and not in the journal`);
  }

  /** Whether an order was made by a process of this session. */
  #isOurs({ clientId }: Order): boolean {
    return /^m-abc123-a0[0-9a-z]-/.test(clientId);
  }

  /** Two orders of one role may rest only as long as it takes to see that a late one has turned up. */
  #checkRoles(roles: readonly string[]): void {
    const isDouble = new Set(roles).size < roles.length;
    if (!isDouble) this.#excessSince = undefined;
    else {
      this.#excessSince ??= this.desk.now();
      if (this.desk.now() - this.#excessSince > 8_000) this.#fault(`two orders of one role rest: ${roles.join()}`);
    }
  }

  #fault(text: string): void {
    if (this.faults.length < 20 && !this.faults.includes(text)) this.faults.push(text);
  }

  /** What must be so when everything has come to rest: journal and truth agree, and the take profit covers what is held. */
  settle(): void {
    const { state } = this.runner;
    const made = this.desk.engine.fills.filter(
      (fill) => fill.account === this.owner && fill.kind === 'trade' && fill.order.clientId.startsWith('m-abc123-a'),
    );
    const booked = this.store.fills().filter(({ clientId }) => clientId !== undefined);
    const ids = made.map(({ id }) => id).sort();
    const known = booked.map(({ tradeId }) => tradeId).sort();
    if (ids.join() !== known.join()) this.faults.push(`fills made ${ids.join()}, booked ${known.join()}`);
    if (!new Exact(state.held).eq(this.held().toString())) this.faults.push(`held ${state.held}, is ${this.held()}`);
    const target = this.takeProfits().reduce((sum, order) => sum.plus(remaining(order)), new Decimal(0));
    if (state.phase === 'working' && !target.eq(this.held()))
      this.faults.push(`the take profit closes ${target} of ${this.held()}`);
    const rates = this.desk.violations.map(({ rule, detail }) => `${rule}: ${detail}`);
    this.faults.push(...rates);
  }

  /** The bills of the account say the same as the books of the run. */
  checkMoney(isFundingRead = true): void {
    const { books } = this.runner.state;
    const billed = (kind: 'trade' | 'funding') =>
      this.owner.bills.filter((bill) => bill.kind === kind).reduce((sum, bill) => sum.plus(bill.amount), new Decimal(0));
    const differs = (a: Decimal, b: Exact) => a.minus(b.toString()).abs().gt('1e-6');
    const traded = new Exact(books.realised).minus(books.fees.USDT ?? 0);
    if (differs(billed('trade'), traded)) this.faults.push(`trades changed the balance by ${billed('trade')}, booked ${traded}`);
    if (isFundingRead && differs(billed('funding'), new Exact(books.funding)))
      this.faults.push(`funding is ${billed('funding')}, booked ${books.funding}`);
  }

  isOpen(order: Order): boolean {
    return isOpen(this.desk.engine.orders.get(order.id) as Order);
  }
}
