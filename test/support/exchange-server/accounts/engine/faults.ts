import type { Order } from './model.js';

/** What happens to a request besides, or instead of, being answered. */
export type RequestFault = {
  /**
   * `before`: it is never looked at. `after`: it takes effect, then its answer is spoilt. `no-effect`: it is answered with
   * success and nothing happens. `arrives`: it stays on the way for `delay` ms and takes effect then.
   */
  readonly when: 'before' | 'after' | 'no-effect' | 'arrives';
  /** What the client gets; the true answer where absent. */
  readonly answer?: 'cut' | 'hang' | 'empty' | 'throttle' | 'host-limit' | ScriptedAnswer;
  /** Milliseconds by which the answer, or with `arrives` the effect, is late. */
  readonly delay?: number;
  /** `arrives` only: the timestamp is checked when the request was sent, not when it takes effect. */
  readonly ignoresWindow?: boolean;
};

/** A code of the exchange in its envelope, or any status and body. */
export type ScriptedAnswer =
  | { readonly code: string; readonly message?: string; readonly status?: number }
  | { readonly status: number; readonly body: string };

type RequestMatch = {
  readonly method?: 'GET' | 'POST';
  readonly path?: RegExp;
  /** Text that the query or body holds. */
  readonly holds?: string;
  readonly times?: number;
  /** Leaves out so many matching requests first. */
  readonly skip?: number;
};

/** How much older than the truth each kind of read is, ms. */
type ReadLags = {
  detail: number;
  open: number;
  history: number;
  fills: number;
  positions: number;
  balances: number;
};

/** What happens to private pushes; shares of one. */
type PushFaults = {
  drop: number;
  duplicate: number;
  /** Share of pushes that arrive up to 500 ms after later ones. */
  reorder: number;
  /** Milliseconds from the event to its push, at least and at most. */
  delay: readonly [number, number];
  /** Sockets stay open and answer pings, and nothing else arrives. */
  isMute: boolean;
  /** Bybit: a fully filled order is pushed twice, the second time as a cancel that came too late. */
  doublesFilled: boolean;
};

/** An order that matches fills in these parts (shares of what is open), one every `every` ms. */
type FillScript = {
  readonly match: (order: Order) => boolean;
  readonly parts: readonly number[];
  readonly every: number;
};

/** Answers of the exchange that no document settles; the default is what the pages say. */
type OpenQuestions = {
  /** Closes need not reach the smallest order value. */
  closesExemptFromMinimum: boolean;
  /** A margin mode given with an order is ignored: the account's own holds (Bitget v3). */
  ignoresOrderMarginMode: boolean;
  /** Bitget: a list without rows is null, not []. */
  nullLists: boolean;
  /** Bitget v2: `orders-pending` without `status` leaves out partially filled orders. */
  pendingHidesPartial: boolean;
  /** Bitget v2: code of a repeated client id. */
  duplicateCode: string;
  /** Bitget v2: what `authorities` holds. */
  authorities: 'codes' | 'words';
  /** Bitget: code of a classic key on v3. */
  classicCode: string;
  /** Bybit: `ips` of a key that is bound to none. */
  unboundIps: readonly string[];
  /** Bybit: wallet totals are empty texts in isolated margin. */
  emptyTotalsWhenIsolated: boolean;
  /** Bybit: milliseconds for which a finished order protects its client id. */
  clientIdTaken: number;
  /** Bybit: acknowledgements on the private socket repeat `req_id`. */
  echoesRequestId: boolean;
  /** Bybit: a refused login closes the socket. */
  closesOnRefusedLogin: boolean;
  /** A price beyond these shares of the mark is out of the band, on the side that never trades: absent there is no such bound. */
  farBand: number | undefined;
  /** A request is accepted however old its timestamp is. */
  acceptsOldTimestamps: boolean;
  /** A client id may be sent again while its order rests. */
  acceptsRepeatedIds: boolean;
};

const NO_LAGS: ReadLags = { detail: 0, open: 0, history: 0, fills: 0, positions: 0, balances: 0 };
const NO_PUSH_FAULTS: PushFaults = { drop: 0, duplicate: 0, reorder: 0, delay: [0, 0], isMute: false, doublesFilled: false };

type Script = { readonly fault: RequestFault; readonly match: RequestMatch; left: number; skip: number };

/** The faults that a test scripts. They change what clients see; the truth stays what happened. */
export class AccountFaults {
  lags: ReadLags = { ...NO_LAGS };
  pushes: PushFaults = { ...NO_PUSH_FAULTS };
  fills: FillScript[] = [];
  questions: OpenQuestions = {
    closesExemptFromMinimum: false,
    ignoresOrderMarginMode: false,
    nullLists: false,
    pendingHidesPartial: false,
    duplicateCode: '45034',
    authorities: 'codes',
    classicCode: '40084',
    unboundIps: ['*'],
    emptyTotalsWhenIsolated: true,
    clientIdTaken: Number.POSITIVE_INFINITY,
    echoesRequestId: false,
    closesOnRefusedLogin: true,
    farBand: undefined,
    acceptsOldTimestamps: false,
    acceptsRepeatedIds: false,
  };
  /** Cancels that find their order filled first: fully at 1, else by that share of what is open. */
  #cancelRaces: { readonly match: (order: Order) => boolean; readonly share: number; left: number }[] = [];
  #scripts: Script[] = [];
  #maintenanceUntil = Number.NEGATIVE_INFINITY;
  #forgotten = Number.NEGATIVE_INFINITY;

  /** The next requests that match fail. */
  request(fault: RequestFault, match: RequestMatch = {}): void {
    this.#scripts.push({ fault, match, left: match.times ?? 1, skip: match.skip ?? 0 });
  }

  /** The next cancels of matching orders find them filled by that share. */
  raceCancel(match: (order: Order) => boolean, share = 1, times = 1): void {
    this.#cancelRaces.push({ match, share, left: times });
  }

  /** Every private request is answered with the code for maintenance until then (exchange time, ms). */
  maintain(until: number): void {
    this.#maintenanceUntil = until;
  }

  isMaintenance(now: number): boolean {
    return now < this.#maintenanceUntil;
  }

  /** The exchange restarts: lists of recent orders know no order that was closed before (Bybit `realtime`). */
  forgetClosed(now: number): void {
    this.#forgotten = now;
  }

  get forgotten(): number {
    return this.#forgotten;
  }

  takeRequest(method: string, path: string, content: string): RequestFault | undefined {
    for (const script of this.#scripts) {
      if (script.left === 0 || !matches(script.match, method, path, content)) continue;
      if (script.skip-- > 0) continue;
      script.left -= 1;
      return script.fault;
    }
    return undefined;
  }

  takeCancelRace(order: Order): number | undefined {
    const race = this.#cancelRaces.find(({ match, left }) => left > 0 && match(order));
    if (race) race.left -= 1;
    return race?.share;
  }

  /** Takes back everything but the answers to open questions. */
  clear(): void {
    this.lags = { ...NO_LAGS };
    this.pushes = { ...NO_PUSH_FAULTS };
    this.fills = [];
    this.#scripts = [];
    this.#cancelRaces = [];
    this.#maintenanceUntil = Number.NEGATIVE_INFINITY;
    this.#forgotten = Number.NEGATIVE_INFINITY;
  }
}

function matches({ method, path, holds }: RequestMatch, ownMethod: string, ownPath: string, content: string): boolean {
  return (method ?? ownMethod) === ownMethod && (path?.test(ownPath) ?? true) && (holds === undefined || content.includes(holds));
}
