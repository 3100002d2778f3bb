import { type AccountClient, AccountError } from '../../account/client.js';
import type {
  AccountFamily,
  OrderIntent,
  OrderName,
  Outcome,
  PrivateFill,
  PrivateFunding,
  PrivateOrder,
  PrivatePosition,
  PrivateRead,
  PrivateScope,
  PrivateStop,
  TimeRange,
  WriteResult,
} from '../../exchanges/private-side.js';
import type { HttpRequest } from '../../exchanges/requests.js';
import type { LookupAnswer, OrderDraft, Wire, WireOf } from '../messages.js';
import { positionModeOf, separateSide } from '../sides.js';
import type { OwnOrder, RunConfig } from '../state.js';
import type { AccountFeed } from './account-feed.js';
import type { Quote, StopAction, Venue, VenueListener } from './venue.js';

type ExchangeVenueOptions = {
  readonly client: AccountClient;
  readonly family: AccountFamily;
  readonly config: RunConfig;
  readonly feed: AccountFeed;
  readonly quote: () => Promise<Quote>;
};

const MOST_PAGES = 50;

/** An account of an exchange as a venue. Everything is asked once: what fails is decided, and repeated, by the executor. */
export class ExchangeVenue implements Venue {
  readonly #options: ExchangeVenueOptions;
  readonly #scope: PrivateScope;

  constructor(options: ExchangeVenueOptions) {
    this.#options = options;
    const { market, symbol, settle } = options.config;
    this.#scope = { market, symbol, settle };
  }

  now(): number {
    return this.#options.client.now();
  }

  get offset(): number {
    return this.#options.client.offset;
  }

  synchronise(): Promise<number> {
    return this.#options.client.synchronise();
  }

  place(drafts: readonly OrderDraft[], decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined> {
    const { writes } = this.#options.family;
    const { config } = this.#options;
    const kept = { ...this.#scope, marginMode: config.marginMode, positionSide: separateSide(config) };
    // One level of a ladder is a batch too: what reduces never is.
    const isBatch = drafts.length > 1;
    const requestOf = (orders: readonly OrderIntent[]) =>
      isBatch ? writes.placeBatch(orders) : writes.place(orders[0] as OrderIntent);
    const sample = requestOf(drafts.map((draft) => ({ ...kept, ...draft, clientId: 'm-sample-aaa-0-E-0' })));
    return this.#write(sample, () => {
      const wire = decide();
      return wire?.kind === 'place' ? { request: requestOf(wire.orders), timestamp: wire.timestamp } : undefined;
    });
  }

  cancel(count: number, decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined> {
    const { writes } = this.#options.family;
    const requestOf = (orders: readonly OrderName[]) =>
      count > 1 ? writes.cancelBatch(orders) : writes.cancel(orders[0] as OrderName);
    const sample = requestOf(Array.from({ length: count }, () => ({ ...this.#scope, clientId: 'm-sample-aaa-0-E-0' })));
    return this.#write(sample, () => {
      const wire = decide();
      return wire?.kind === 'cancel' ? { request: requestOf(wire.orders), timestamp: wire.timestamp } : undefined;
    });
  }

  protect(action: StopAction, decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined> {
    const requestOf = (wire: WireOf<'protect' | 'unprotect'>): HttpRequest => {
      const { stops } = this.#options.family;
      const request = wire.kind === 'protect' ? stops?.set(wire.stop) : stops?.remove?.(wire.stop);
      if (!request) throw new RangeError('this account has no stops');
      return request;
    };
    const clientId = 'm-sample-aaa-0-S0000-0';
    const { config } = this.#options;
    const set = { ...this.#scope, clientId, side: config.side, positionMode: positionModeOf(config), price: '1' } as const;
    const sample =
      action.kind === 'protect'
        ? requestOf({ kind: 'protect', stop: set, timestamp: 0 })
        : requestOf({ kind: 'unprotect', stop: { ...this.#scope, orderId: action.orderId }, timestamp: 0 });
    return this.#write(sample, () => {
      const wire = decide();
      if (wire?.kind !== 'protect' && wire?.kind !== 'unprotect') return undefined;
      return { request: requestOf(wire), timestamp: wire.timestamp };
    });
  }

  stops(): Promise<readonly PrivateStop[]> {
    const { stops } = this.#options.family;
    return stops ? this.#read(stops.read(this.#scope)) : Promise.resolve([]);
  }

  async #write(
    sample: HttpRequest,
    make: () => { request: HttpRequest; timestamp: number } | undefined,
  ): Promise<readonly WriteResult[] | undefined> {
    const { client, family } = this.#options;
    const sent = await client.sendLate(sample, make);
    if (!sent) return undefined;
    const { answer, outcome, request } = sent;
    if (!answer) return [{ outcome }];
    try {
      return family.writes.parse(request, answer, client.now());
    } catch (error) {
      return [{ outcome: { class: 'unknown', message: (error as Error).message } }];
    }
  }

  open(): Promise<readonly PrivateOrder[]> {
    return this.#read(this.#options.family.openOrders(this.#scope));
  }

  fills(since: number): Promise<readonly PrivateFill[]> {
    return this.#read(this.#options.family.fills(this.#range(since), this.#scope));
  }

  fundings(since: number): Promise<readonly PrivateFunding[]> {
    return this.#read(this.#options.family.fundings(this.#range(since), this.#scope));
  }

  #range(since: number): TimeRange {
    const until = Math.round((this.now() + 1_000) * 1_000);
    return { since: Math.min(since, until - 1_000_000), until };
  }

  async positions(): Promise<readonly PrivatePosition[]> {
    const rows = await this.#read(this.#options.family.positions(this.#scope));
    return rows.filter(({ symbol }) => symbol === this.#scope.symbol);
  }

  lookUp({ clientId, orderId }: Pick<OwnOrder, 'clientId' | 'orderId'>): Promise<readonly LookupAnswer[]> {
    const { orders, fills } = this.#options.family.lookups({ ...this.#scope, clientId, orderId });
    const isOwn = (row: { clientId?: string | undefined; orderId?: string | undefined }) =>
      row.clientId === clientId || (orderId !== undefined && row.orderId === orderId);
    return Promise.all([
      ...orders.map((read) => this.#answer(read, (rows) => ({ order: rows.find(isOwn) }))),
      this.#answer(fills, (rows) => ({ fills: rows.filter(isOwn) })),
    ]);
  }

  /** "Not there" is an answer; a failure, or a row that cannot be read, is none. */
  async #answer<Row>(
    read: PrivateRead<Row>,
    take: (rows: readonly Row[]) => Pick<LookupAnswer, 'order' | 'fills'>,
  ): Promise<LookupAnswer> {
    const { client } = this.#options;
    const [request] = read.requests;
    if (request === undefined) return { answered: false };
    try {
      const { outcome, answer } = await client.send(request);
      const time = answer && client.account.side.timeOf(answer.body);
      if (outcome.class === 'gone') return { answered: true, time };
      if (outcome.class !== 'success' || !answer) return { answered: false };
      const page = read.parse(request, answer.body);
      const taken = take(page.items);
      return { answered: page.rejected.length === 0 && page.next === undefined, time: page.time ?? time, ...taken };
    } catch {
      return { answered: false };
    }
  }

  quote(): Promise<Quote> {
    return this.#options.quote();
  }

  async #read<Row>({ requests, parse }: PrivateRead<Row>): Promise<readonly Row[]> {
    const pages = await Promise.all(requests.map((request) => this.#pages(request, parse)));
    return pages.flat();
  }

  async #pages<Row>(first: HttpRequest, parse: PrivateRead<Row>['parse']): Promise<Row[]> {
    const { client } = this.#options;
    const rows: Row[] = [];
    let request: HttpRequest | undefined = first;
    for (let pages = 0; request !== undefined; pages++) {
      const { outcome, answer } = await client.send(request);
      if (outcome.class !== 'success' || !answer) throw new AccountError(client.account, outcome);
      const page = parse(request, answer.body);
      const [unread] = page.rejected;
      if (unread !== undefined || pages >= MOST_PAGES) throw this.#unreadable(unread ?? `more than ${MOST_PAGES} pages`);
      rows.push(...page.items);
      request = page.next;
    }
    return rows;
  }

  /** A list with a row that cannot be read is not known: half of it could look as if orders were gone. */
  #unreadable(reason: string): AccountError {
    const outcome: Outcome = { class: 'unknown', message: `an answer cannot be read: ${reason}` };
    return new AccountError(this.#options.client.account, outcome);
  }

  listen(listener: VenueListener, signal: AbortSignal): Promise<void> {
    return this.#options.feed.listen(listener, signal);
  }
}
