import { AccountClient } from '../../src/lib/account/client.js';
import { LiveAccount } from '../../src/lib/account/live.js';
import { ACCOUNT_PARTS } from '../../src/lib/account/snapshot.js';
import { EXCHANGES } from '../../src/lib/exchanges/index.js';
import type { AccountFamily, PrivateSide } from '../../src/lib/exchanges/private-side.js';
import type { AnyRecord, EventRecord } from '../../src/lib/model/records.js';
import { Secret } from '../../src/lib/secrets/secret.js';
import { type Fields, SignedClient, still } from '../support-tests/accounts/signed-client.js';
import type { Desk, NewAccount } from './exchange-server/accounts/desk.js';
import type { Account } from './exchange-server/accounts/engine/model.js';
import type { AccountServer } from './exchange-server/accounts/server.js';
import { pick, seeded } from './random.js';
import { VirtualWire } from './virtual-wire.js';

/** Milliseconds of one step: time stands still within it. */
const STEP = 50;
/** Milliseconds within which what is shown must be true. A classic account has 15 lists of orders, at half of its rate limits. */
const WITHIN = { unified: 4_000, classic: 6_000 };
const SYMBOL = 'ETHUSDT';
const TERMS = { market: 'linear', symbol: SYMBOL, settle: 'USDT' } as const;

export const ACCOUNT_KINDS = [
  ['bitget', 'unified'],
  ['bitget', 'classic'],
  ['bybit', 'unified'],
] as const;
type AccountKind = (typeof ACCOUNT_KINDS)[number];

type SessionOptions = { readonly seed?: number; readonly checkEvery?: number; readonly holdMode?: NewAccount['holdMode'] };

/** Everything that an account shows, as numbers by name; what is absent is not there. */
type Figures = ReadonlyMap<string, number>;

/** A live account against an exchange in one process, in a time that passes when the session lets it. */
export class AccountSession {
  readonly server: AccountServer;
  readonly owner: Account;
  readonly live: LiveAccount;
  readonly family: AccountFamily;
  readonly records: AnyRecord[] = [];
  readonly events: EventRecord[] = [];
  readonly rejected: string[] = [];
  /** What was shown and had not been true for longer than allowed. */
  readonly faults: string[] = [];
  readonly random: () => number;
  readonly wire: VirtualWire;
  readonly #trader: SignedClient;
  readonly #stop = new AbortController();
  readonly #truths: { readonly at: number; readonly figures: Figures }[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #orders = 0;

  constructor([id, family]: AccountKind, { seed = 1, checkEvery = 30_000, holdMode }: SessionOptions = {}) {
    this.random = seeded(seed);
    this.server = still(id, { accounts: { seed } });
    this.owner = this.desk.open({ family, ...(holdMode && { holdMode }) });
    const key = this.desk.createKey(this.owner);
    this.#trader = new SignedClient(this.desk, key);
    const exchange = EXCHANGES.find((one) => one.id === id) as (typeof EXCHANGES)[number];
    const side = exchange.privateSide as PrivateSide;
    this.family = side.families.find((one) => one.id === family) as AccountFamily;
    const secrets = { key: new Secret(key.key), secret: new Secret(key.secret), passphrase: new Secret(key.passphrase) };
    this.wire = new VirtualWire(this.server, this.random, 200, this.#stop.signal);
    const { timing, http, connect } = this.wire;
    const client = new AccountClient(
      { exchange, side, name: 'default', mode: 'demo', ...secrets, endpoints: { rest: 'http://x', websocket: 'ws://x' } },
      { http, signal: this.#stop.signal, timing, now: () => this.desk.now() },
    );
    this.live = new LiveAccount({
      client,
      facts: { family: this.family, marginMode: 'isolated' },
      owner: { exchange: id, account: 'default', mode: 'demo' },
      parts: ACCOUNT_PARTS,
      since: this.desk.now() * 1_000 - 60_000_000,
      checkEvery,
      userAgent: 'test',
      signal: this.#stop.signal,
      timing,
      connect,
      onEvent: (event) => void this.events.push(event),
      onRejected: (reason) => void this.rejected.push(reason),
    });
  }

  get within(): number {
    return WITHIN[this.owner.family];
  }

  get desk(): Desk {
    return this.server.desk;
  }

  /** Starts the account, waits until it is live, and looks from then on. */
  async start(): Promise<void> {
    this.#running = (async () => {
      for await (const batch of this.live.updates()) this.records.push(...batch);
    })();
    this.#running.catch((error) => this.faults.push(String(error)));
    for (let waited = 0; waited < 5_000 && this.live.state.balances.length === 0; waited += STEP) await this.#step();
    // Pushes may be first: the snapshot is over a little later.
    for (let waited = 0; waited < 3_000; waited += STEP) await this.#step();
    const { onEvent } = this.desk.engine;
    this.desk.engine.onEvent = (event) => {
      this.#remember();
      onEvent(event);
    };
    this.#remember();
    if (!this.live.isLive) throw new Error(`the account is not live after 5 s: ${JSON.stringify([this.faults, this.events])}`);
  }

  /** Lets time pass, and looks after each step whether what is shown was true a moment ago. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.desk.now() + milliseconds;
    while (this.desk.now() < until) {
      await this.#step();
      this.#look();
    }
  }

  async #step(): Promise<void> {
    await this.wire.advance(STEP);
  }

  /** Stops the account. Throws what ended it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.wire.wakeAll();
    await this.#running;
  }

  /** The owner trades elsewhere: a limit order, or a market order without a price. Returns its client id. */
  place(side: 'buy' | 'sell', amount: string, price?: string): string {
    const clientId = `o${++this.#orders}`;
    const kind = price === undefined ? 'market' : 'limit';
    const order = { ...TERMS, clientId, side, kind, price, amount, reduces: false, marginMode: 'isolated' } as const;
    const { path, body } = this.family.writes.place(
      this.owner.holdMode === 'hedge' ? { ...order, positionSide: side === 'buy' ? 'long' : 'short' } : order,
    );
    this.#trader.ask('POST', path, JSON.parse(body as string) as Fields);
    return clientId;
  }

  cancel(clientId: string): void {
    const { path, body } = this.family.writes.cancel({ ...TERMS, clientId });
    this.#trader.ask('POST', path, JSON.parse(body as string) as Fields);
  }

  /** What is true now. */
  truth(): Figures {
    const { engine } = this.desk;
    const orders = engine.orders
      .openOf(this.owner)
      .map(({ clientId, filled }) => [`order ${clientId || 'of the exchange'}`, Number(filled)] as const);
    const positions = engine.ledger.openOf(this.owner).map(({ side, amount }) => [`position ${side}`, Number(amount)] as const);
    const balances = [...this.owner.balances].map(([coin, amount]) => [`balance ${coin}`, Number(amount)] as const);
    return new Map([...orders, ...positions, ...balances]);
  }

  /** What the account shows now. */
  shown(): Figures {
    const { state } = this.live;
    return new Map([
      ...state.orders.map(({ clientId, filled }) => [`order ${clientId || 'of the exchange'}`, Number(filled)] as const),
      ...state.positions.map(({ positionSide, amount }) => [`position ${positionSide}`, Number(amount)] as const),
      ...state.balances.map(({ asset, total }) => [`balance ${asset}`, Number(total)] as const),
    ]);
  }

  /** Ids of the fills that were written, and of those that there are. */
  fills(): { readonly written: string[]; readonly true: string[] } {
    const written = this.records.flatMap((record) => (record.type === 'fill' ? [String(record.tradeId)] : []));
    const fills = this.desk.engine.fills.filter(({ account, kind }) => account === this.owner && kind === 'trade');
    return { written: written.sort(), true: fills.map(({ id }) => id).sort() };
  }

  /** One random event of a market, an owner or a network. */
  act(): void {
    const { engine } = this.desk;
    const price = (95 + this.random() * 10).toFixed(2);
    const amount = (0.1 + Math.floor(this.random() * 20) / 10).toFixed(1);
    const side = pick(this.random, ['buy', 'sell'] as const);
    const open = engine.orders.openOf(this.owner).map(({ clientId }) => clientId);
    const actions = [
      () => void this.place(side, amount, price),
      () => void this.place(side, amount, price),
      () => void this.place(side, amount),
      () => (open.length > 0 ? this.cancel(pick(this.random, open)) : undefined),
      () => this.server.market.setPrice(SYMBOL, price),
      () => this.server.market.setPrice(SYMBOL, price),
      () => this.desk.deposit(this.owner, 'USDT', amount),
    ];
    pick(this.random, actions)();
  }

  #remember(): void {
    this.#truths.push({ at: this.desk.now(), figures: this.truth() });
  }

  #look(): void {
    const now = this.desk.now();
    this.#remember();
    while (this.#truths.length > 1 && (this.#truths[1]?.at ?? now) <= now - this.within) this.#truths.shift();
    const shown = this.shown();
    const names = new Set([...shown.keys(), ...this.#truths.flatMap(({ figures }) => [...figures.keys()])]);
    for (const name of names) {
      const figure = shown.get(name);
      const wasTrue = this.#truths.some(({ figures }) => isSame(figures.get(name), figure));
      if (!wasTrue)
        this.faults.push(
          `${now}: ${name} shown as ${figure}, is ${this.#truths.at(-1)?.figures.get(name)} for ${this.within} ms`,
        );
    }
  }
}

function isSame(a: number | undefined, b: number | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Math.abs(a - b) < 1e-6;
}

/** Plays a random session of `seconds`, with everything that a network does to pushes. Returns what was wrong. */
export async function playSession(kind: AccountKind, seed: number, seconds: number): Promise<string[]> {
  // What no push has told, only a check can: those that lose pushes check often.
  const loses = seed % 2 === 0;
  const session = new AccountSession(kind, {
    seed,
    checkEvery: loses ? 2_500 : 30_000,
    ...(seed % 4 > 1 && { holdMode: 'hedge' as const }),
  });
  await session.start();
  const { random, desk } = session;
  Object.assign(desk.faults.pushes, { drop: loses ? 0.3 : 0, duplicate: 0.3, reorder: 0.3, delay: [0, 300] });
  for (let time = 0; time < seconds * 1_000; ) {
    if (random() < 0.7) session.act();
    if (random() < 0.05) session.wire.cut();
    const pause = Math.ceil(random() * 2_000);
    await session.pass(pause);
    time += pause;
  }
  await session.pass(session.within);
  const problems = [...session.faults, ...session.rejected, ...desk.violations.map(({ rule, detail }) => `${rule}: ${detail}`)];
  const [shown, truth] = [session.shown(), session.truth()];
  for (const name of new Set([...shown.keys(), ...truth.keys()]))
    if (!isSame(shown.get(name), truth.get(name)))
      problems.push(`in the end: ${name} shown as ${shown.get(name)}, is ${truth.get(name)}`);
  const { written, true: made } = session.fills();
  if (written.join() !== made.join()) problems.push(`fills written ${written.join()}, made ${made.join()}`);
  if (made.length < seconds / 20) problems.push(`only ${made.length} fills: the session proves little`);
  await session.stop();
  return problems;
}
