import type { Level } from '../market/ladder.js';
import type { SymbolMarket } from '../market/symbol-market.js';

/** What one push of a book says. A snapshot replaces; else levels of size 0 are removed and the others set. */
export type BookPush = {
  readonly isSnapshot: boolean;
  readonly time: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  /** Counts the pushes of this feed, consecutively. */
  readonly update: number;
  /** Order among all pushes of the symbol; not consecutive. */
  readonly cross: number;
  /** `cross` of the push before, 0 on snapshots. */
  readonly previous: number;
  /** The whole state after the push. */
  readonly state: BookState;
  /** True where a test asked for a wrong checksum. */
  readonly isSpoilt: boolean;
};

export type BookState = { readonly bids: readonly Level[]; readonly asks: readonly Level[] };

/** One book channel of one symbol: what was pushed last, and every push there ever was. */
export class BookFeed {
  readonly #symbol: SymbolMarket;
  readonly #depth: number;
  readonly #hasDeltas: boolean;
  readonly #keeps: boolean;
  readonly #pushes: BookPush[] = [];
  #last: BookPush;
  isSpoilt = false;

  constructor(symbol: SymbolMarket, time: number, options: { depth: number; hasDeltas: boolean; keeps: boolean }) {
    this.#symbol = symbol;
    this.#depth = options.depth;
    this.#hasDeltas = options.hasDeltas;
    this.#keeps = options.keeps;
    this.#last = this.#snapshotOf(this.#state(), time, 1_000, symbol.nextSequence());
    this.#keep(this.#last);
  }

  /** Returns the state pushed last, as a snapshot: what a new subscriber is sent. */
  get snapshot(): BookPush {
    const { state, time, update, cross } = this.#last;
    return this.#snapshotOf(state, time, update, cross);
  }

  /** Returns the next push, undefined where nothing changed. */
  next(time: number): BookPush | undefined {
    const state = this.#state();
    const before = this.#last;
    const update = before.update + 1;
    if (!this.#hasDeltas) {
      if (same(before.state.bids, state.bids) && same(before.state.asks, state.asks)) return undefined;
      return this.#keep(this.#snapshotOf(state, time, update, this.#symbol.nextSequence()));
    }
    const bids = changes(before.state.bids, state.bids, this.#symbol.book.bids);
    const asks = changes(before.state.asks, state.asks, this.#symbol.book.asks);
    if (bids.length + asks.length === 0) return undefined;
    const { isSpoilt } = this;
    this.isSpoilt = false;
    const cross = this.#symbol.nextSequence();
    return this.#keep({ isSnapshot: false, time, bids, asks, update, cross, previous: before.cross, state, isSpoilt });
  }

  /** Starts over as after a restart of the exchange: a snapshot numbered 1. */
  restart(time: number): BookPush {
    return this.#keep(this.#snapshotOf(this.#state(), time, 1, this.#symbol.nextSequence()));
  }

  /** Returns every push, oldest first. */
  get pushes(): readonly BookPush[] {
    return this.#pushes;
  }

  get last(): BookPush {
    return this.#last;
  }

  #state(): BookState {
    const { bids, asks } = this.#symbol.book;
    return { bids: bids.slice(0, this.#depth), asks: asks.slice(0, this.#depth) };
  }

  #snapshotOf(state: BookState, time: number, update: number, cross: number): BookPush {
    return { isSnapshot: true, time, ...state, update, cross, previous: 0, state, isSpoilt: false };
  }

  #keep(push: BookPush): BookPush {
    this.#last = push;
    if (this.#keeps) this.#pushes.push(push);
    return push;
  }
}

function same(a: readonly Level[], b: readonly Level[]): boolean {
  return a.length === b.length && a.every(([price, size], i) => price === b[i]?.[0] && size === b[i]?.[1]);
}

/**
 * The difference of two windows onto one side. A level that others pushed out of the window is not mentioned, as on the
 * exchanges: the client keeps its book trimmed.
 */
function changes(before: readonly Level[], after: readonly Level[], whole: readonly Level[]): Level[] {
  const known = new Map(before);
  const changed = after.filter(([price, size]) => known.get(price) !== size);
  for (const [price] of after) known.delete(price);
  if (known.size === 0) return changed;
  const alive = new Set(whole.map(([price]) => price));
  return [...changed, ...[...known.keys()].filter((price) => !alive.has(price)).map((price): Level => [price, 0])];
}
