import { type AccountClient, AccountError } from '../../../account/client.js';
import type {
  AccountFamily,
  AccountSettings,
  OrderIntent,
  Outcome,
  PrivateOrder,
  PrivatePosition,
  PrivateRead,
  PrivateScope,
  WriteResult,
} from '../../../exchanges/private-side.js';
import type { Side } from '../../../model/records.js';
import { Exact, roundDown, roundUp } from '../../../model/ticks.js';
import type { openSocket } from '../../../transport/socket.js';
import type { Timing } from '../../../transport/timing.js';
import { clientIdOf } from '../../client-id.js';
import { ownPosition, separateSide } from '../../sides.js';
import type { InstrumentRules } from '../../state.js';

export type ProbeOptions = {
  readonly client: AccountClient;
  readonly family: AccountFamily;
  readonly scope: PrivateScope;
  readonly rules: InstrumentRules;
  /** The last price. */
  readonly price: string;
  readonly marginMode: 'isolated' | 'cross';
  /** In hedge mode the probe trades the long side. */
  readonly positionMode: 'one_way' | 'hedge';
  readonly timing: Timing;
  readonly userAgent: string;
  /** Six characters of its own for the ids of this probe. */
  readonly id: string;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
  /** Replaces the connection; tests do. */
  readonly connect?: typeof openSocket | undefined;
};

/** What an order of the probe is like, beside its side and price. */
type Shape = Partial<Pick<OrderIntent, 'amount' | 'reduces' | 'timeInForce' | 'clientId' | 'positionSide'>>;

export type Placed = WriteResult & { readonly clientId: string };

const POLL = 250;
const CLEAN_WITHIN = 30_000;
const BETWEEN_READS = 2_000;
/** Above a minimum by this much: the price moves while the probe runs. */
const ABOVE_MINIMUM = '1.5';

/** Small orders on the demo side of one account, and what becomes of them. It takes away whatever it left. */
export class Probe {
  readonly options: ProbeOptions;
  readonly #ids = new Set<string>();
  #number = 0;

  constructor(options: ProbeOptions) {
    this.options = options;
  }

  get scope(): PrivateScope {
    return this.options.scope;
  }

  get #planned() {
    return { symbol: this.scope.symbol, side: 'long', positionMode: this.options.positionMode } as const;
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.options.timing.now();
  }

  /** Returns a price at a multiple of the last one, on the tick. */
  at(share: string): string {
    return roundDown(new Exact(this.options.price).times(share), new Exact(this.options.rules.tick)).toString();
  }

  /** Returns the least amount that may be traded at a price, with something to spare. */
  least(price: string): Exact {
    const { lot, minAmount, minNotional } = this.options.rules;
    const value = minNotional === undefined ? new Exact(0) : new Exact(minNotional).times(ABOVE_MINIMUM).div(price);
    return roundUp(Exact.max(value, minAmount ?? lot), new Exact(lot));
  }

  /** Places one order; by market without a price. Throws an `AccountError` where nothing can be learned of it. */
  async place(side: Side, price: string | undefined, shape: Shape = {}, timestamp?: number): Promise<Placed> {
    const { client, family, marginMode, id } = this.options;
    this.#number += 1;
    const parts = { run: id, start: '000', cycle: this.#number, role: 'entry', number: 0, attempt: 0 } as const;
    const clientId = shape.clientId ?? clientIdOf(parts);
    const amount = shape.amount ?? this.least(price ?? this.options.price).toString();
    const kind = price === undefined ? 'market' : 'limit';
    this.#ids.add(clientId);
    const request = family.writes.place({
      ...this.scope,
      ...{ clientId, side, kind, price, amount, marginMode, reduces: shape.reduces ?? false, timeInForce: shape.timeInForce },
      positionSide: shape.positionSide ?? separateSide(this.#planned),
    });
    const { outcome, answer } = await client.send(request, timestamp ?? client.now());
    const result = answer ? family.writes.parse(request, answer, client.now())[0] : undefined;
    const known = this.answered(result?.outcome ?? outcome);
    return { outcome: known, orderId: result?.orderId, clientId };
  }

  /** Throws where an answer says nothing of the question: a fault of the network, a limit, the key. */
  answered(outcome: Outcome): Outcome {
    const { class: kind, code } = outcome;
    const isSilent = kind === 'unknown' && code === undefined;
    if (isSilent || ['throttle', 'ban', 'maintenance', 'key', 'region', 'busy'].includes(kind))
      throw new AccountError(this.options.client.account, outcome);
    return outcome;
  }

  async read<Row>(read: PrivateRead<Row>): Promise<readonly Row[]> {
    return (await this.options.client.read(read)).items;
  }

  /** Open orders of the symbol. */
  async open(): Promise<readonly PrivateOrder[]> {
    const orders = await this.read(this.options.family.openOrders(this.scope));
    return orders.filter(({ symbol }) => symbol === this.scope.symbol);
  }

  async position(): Promise<PrivatePosition | undefined> {
    return ownPosition(await this.read(this.options.family.positions(this.scope)), this.#planned);
  }

  /** What is held of the symbol, on whatever side. */
  async holdings(): Promise<readonly PrivatePosition[]> {
    const rows = await this.read(this.options.family.positions(this.scope));
    return rows.filter(({ symbol, amount }) => symbol === this.scope.symbol && Number(amount) !== 0);
  }

  /** The settings of the symbol, and of the account. */
  async settings(): Promise<AccountSettings | undefined> {
    const { family } = this.options;
    return (await this.read(family.symbolSettings?.(this.scope) ?? family.settings))[0];
  }

  async held(): Promise<Exact> {
    return new Exact((await this.position())?.amount ?? 0);
  }

  /** Waits for something; returns the milliseconds it took, undefined when it was not so in time. */
  async until(isSo: () => Promise<boolean> | boolean, within: number): Promise<number | undefined> {
    const { timing } = this.options;
    const start = timing.now();
    for (;;) {
      if (await isSo()) return Math.round(timing.now() - start);
      if (timing.now() - start >= within) return undefined;
      await timing.sleep(POLL);
    }
  }

  /** Cancels orders of the probe, and waits until no list has them. */
  async cancel(...orders: readonly Pick<Placed, 'clientId' | 'orderId'>[]): Promise<void> {
    for (const order of orders) await this.#cancel(order);
    const ids = orders.map(({ clientId }) => clientId);
    await this.until(async () => (await this.open()).every(({ clientId }) => !ids.includes(clientId ?? '')), CLEAN_WITHIN);
  }

  async #cancel(order: Pick<Placed, 'clientId' | 'orderId'>): Promise<void> {
    const { client, family } = this.options;
    await client.send(family.writes.cancel({ ...this.scope, ...order }), client.now());
  }

  /** Closes what is held by market; returns what was said, undefined when nothing was held. */
  async flatten(): Promise<Placed | undefined> {
    let last: Placed | undefined;
    for (const { positionMode, positionSide, amount } of await this.holdings()) {
      const side = positionSide === 'short' ? 'buy' : 'sell';
      const separate = positionMode === 'hedge' ? positionSide : undefined;
      last = await this.place(side, undefined, { amount, reduces: true, positionSide: separate });
    }
    return last;
  }

  /**
   * Takes away what is left of the probe, until two reads show nothing: an order may be listed late. Returns what stays all the
   * same.
   */
  async clean(): Promise<readonly string[]> {
    const { timing } = this.options;
    const left = await this.sweep();
    await timing.sleep(BETWEEN_READS);
    return left.length > 0 ? left : this.sweep();
  }

  /** As `clean`, with one read at the end. */
  async sweep(): Promise<readonly string[]> {
    let left: readonly string[] = [];
    await this.until(async () => {
      const own = (await this.open()).filter(({ clientId }) => this.#ids.has(clientId ?? ''));
      for (const { clientId, orderId } of own) await this.#cancel({ clientId: clientId as string, orderId });
      if (own.length === 0) await this.flatten();
      const held = await this.holdings();
      left = [...own.map(({ clientId }) => `order ${clientId}`), ...held.map(({ amount }) => `a position of ${amount}`)];
      return left.length === 0;
    }, CLEAN_WITHIN);
    return left;
  }
}

/** Returns an outcome in one phrase. */
export function words({ class: kind, cause, code }: Outcome): string {
  if (kind === 'success') return 'accepted';
  const what = cause === undefined ? kind : `${kind}, ${cause}`;
  return `refused as ${what}${code === undefined ? '' : ` (code ${code})`}`;
}
