/**
 * Order book deltas applied per second, reading best bid and ask after each, against tardis-dev and ccxt.
 *
 *   npm ci --prefix test/bench --ignore-scripts
 *   node --import tsx test/bench/order-book.bench.ts
 *
 * Workload 1: four symbols, exact 50-level windows over a deeper book (levels that leave the window are removed and those
 * that enter it are sent, as Bybit does). Workload 2: the deltas of the recorded tapes, over and over. All get numbers;
 * tardis gets its level objects built within the measurement, since its own mappers build them per message. `texts` and
 * `keeper` are not compared: they also parse the texts, keep them, or make a snapshot of 15 levels every 50 messages.
 */
import { createRequire } from 'node:module';
import { BookKeeper } from '../../src/lib/book/book-keeper.js';
import { OrderBook } from '../../src/lib/book/order-book.js';
import type { BookMessage, TextLevel } from '../../src/lib/model/book-message.js';
import type { Level } from '../../src/lib/model/schema.js';
import { bookMessages } from '../lib/book/book-messages.js';
// ccxt's package root loads every exchange; its order book alone is a module of its own.
import { OrderBook as CcxtOrderBook } from './node_modules/ccxt/js/src/base/ws/OrderBook.js';

const { OrderBook: TardisOrderBook } = createRequire(import.meta.url)('tardis-dev');

const ROUNDS = 7;
const GOALS = { tardis: 2.5, ccxt: 1.4 };

type Change = { bids: Level[]; asks: Level[]; message: BookMessage };
/** Per symbol a snapshot and the changes after it. */
type Workload = { name: string; symbols: { snapshot: Change; changes: Change[] }[] };

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function change(symbol: string, action: 'snapshot' | 'delta', bids: TextLevel[], asks: TextLevel[]): Change {
  const message: BookMessage = {
    type: 'book_message',
    exchange: 'bybit',
    market: 'linear',
    symbol,
    timestamp: 1,
    action,
    bids,
    asks,
  };
  const numbers = ([price, amount]: TextLevel): Level => [Number(price), Number(amount)];
  return { bids: bids.map(numbers), asks: asks.map(numbers), message };
}

/** A book of ticks around a walking middle, deeper than the window that is published. */
class WindowedBook {
  static readonly WINDOW = 50;
  static readonly DEPTH = 120;
  readonly #random: () => number;
  readonly #sides = { bids: new Map<number, number>(), asks: new Map<number, number>() };
  #middle: number;

  constructor(random: () => number, middle: number) {
    this.#random = random;
    this.#middle = middle;
    this.#fill();
  }

  window(side: 'bids' | 'asks'): Map<number, number> {
    const sorted = [...this.#sides[side]].sort(([a], [b]) => (side === 'bids' ? b - a : a - b));
    return new Map(sorted.slice(0, WindowedBook.WINDOW));
  }

  move(): void {
    if (this.#random() < 0.1) {
      this.#middle += this.#random() < 0.5 ? 1 : -1;
      this.#fill();
    }
    for (let count = 1 + Math.floor(this.#random() * 4); count > 0; count--) {
      const side = this.#random() < 0.5 ? 'bids' : 'asks';
      const distance = 1 + Math.floor(-Math.log(1 - this.#random()) * 8);
      const tick = this.#middle + (side === 'bids' ? -distance : distance);
      if (this.#random() < 0.3) this.#sides[side].delete(tick);
      else this.#sides[side].set(tick, this.#amount());
    }
  }

  #amount = () => 1 + Math.floor(this.#random() * 1000);

  #fill(): void {
    const { bids, asks } = this.#sides;
    for (let distance = 1; distance <= WindowedBook.DEPTH; distance++) {
      if (!bids.has(this.#middle - distance) && this.#random() < 0.7) bids.set(this.#middle - distance, this.#amount());
      if (!asks.has(this.#middle + distance) && this.#random() < 0.7) asks.set(this.#middle + distance, this.#amount());
    }
    for (const tick of bids.keys()) if (tick >= this.#middle) bids.delete(tick);
    for (const tick of asks.keys()) if (tick <= this.#middle) asks.delete(tick);
  }
}

function difference(before: Map<number, number>, after: Map<number, number>): TextLevel[] {
  const text = (tick: number, amount: number): TextLevel => [(tick / 10).toFixed(1), (amount / 1000).toFixed(3)];
  const changed = [...after].filter(([tick, amount]) => before.get(tick) !== amount).map(([tick, amount]) => text(tick, amount));
  const removed = [...before.keys()].filter((tick) => !after.has(tick)).map((tick) => text(tick, 0));
  return [...changed, ...removed];
}

function windows(symbols: number, messages: number): Workload {
  const random = seeded(1);
  const one = (_: unknown, index: number) => {
    const symbol = `S${index}`;
    const book = new WindowedBook(random, 600_000 + index * 1000);
    let bids = new Map<number, number>();
    let asks = new Map<number, number>();
    const next = (action: 'snapshot' | 'delta') => {
      const now = { bids: book.window('bids'), asks: book.window('asks') };
      const made = change(symbol, action, difference(bids, now.bids), difference(asks, now.asks));
      ({ bids, asks } = now);
      return made;
    };
    const snapshot = next('snapshot');
    const changes: Change[] = [];
    while (changes.length < messages) {
      book.move();
      const made = next('delta');
      if (made.bids.length + made.asks.length > 0) changes.push(made);
    }
    return { snapshot, changes };
  };
  return { name: `${symbols} × exact ${WindowedBook.WINDOW}-level windows`, symbols: Array.from({ length: symbols }, one) };
}

/** The recorded books, each run through `times` times from its snapshot on. */
function recorded(tape: 'bitget-v2' | 'bybit-v5', times: number): Workload {
  const symbols = new Map<string, Change[]>();
  for (const { message } of bookMessages(tape)) {
    const name = `${message.market} ${message.symbol}`;
    const all = symbols.get(name) ?? [];
    symbols.set(name, all);
    // Without sequence and checksum: they would not fit when the recording is repeated.
    all.push(change(name, message.action, [...message.bids] as TextLevel[], [...message.asks] as TextLevel[]));
  }
  const repeated = [...symbols.values()].map((changes) => {
    const [snapshot, ...deltas] = changes as [Change, ...Change[]];
    return {
      snapshot,
      changes: Array.from({ length: times }, () => [...deltas, snapshot])
        .flat()
        .slice(0, -1),
    };
  });
  return { name: `deltas of ${tape}`, symbols: repeated };
}

/** What a contestant does with one symbol: apply a change, tell the best prices. */
type Book = { apply: (change: Change) => void; best: () => number };
type Contestant = (snapshot: Change) => Book;

const ours: Contestant = (first) => {
  const book = new OrderBook();
  book.replace(first.bids, first.asks);
  return {
    apply: ({ bids, asks, message }) => {
      if (message.action === 'snapshot') book.replace(bids, asks);
      else book.change(bids, asks);
    },
    best: () => (book.bestBid ?? 0) + (book.bestAsk ?? 0),
  };
};

const tardis: Contestant = (first) => {
  const book = new TardisOrderBook();
  const object = ([price, amount]: Level) => ({ price, amount });
  const apply = ({ bids, asks, message }: Change) =>
    book.update({ isSnapshot: message.action === 'snapshot', bids: bids.map(object), asks: asks.map(object) });
  apply(first);
  return { apply, best: () => (book.bestBid()?.price ?? 0) + (book.bestAsk()?.price ?? 0) };
};

const ccxt: Contestant = (first) => {
  const book = new CcxtOrderBook();
  book.reset({ bids: first.bids, asks: first.asks });
  return {
    apply: ({ bids, asks, message }) => {
      if (message.action === 'snapshot') {
        book.reset({ bids, asks });
        return;
      }
      for (const level of bids) book.bids.store(level[0], level[1]);
      for (const level of asks) book.asks.store(level[0], level[1]);
    },
    best: () => (book.bids[0]?.[0] ?? 0) + (book.asks[0]?.[0] ?? 0),
  };
};

const textual =
  (keepOriginals: boolean): Contestant =>
  (first) => {
    const book = new OrderBook({ keepOriginals });
    book.replace(first.message.bids, first.message.asks);
    return {
      apply: ({ message: { action, bids, asks } }) => {
        if (action === 'snapshot') book.replace(bids, asks);
        else book.change(bids, asks);
      },
      best: () => (book.bestBid ?? 0) + (book.bestAsk ?? 0),
    };
  };

const keeper: Contestant = (first) => {
  const books = new BookKeeper({ depth: 15, interval: 1_000_000, snapshots: true, deltas: false });
  let at = 1;
  books.apply(first.message, at);
  return {
    apply: ({ message }) => {
      at += 20_000;
      books.apply(message, at);
    },
    best: () => 0,
  };
};

/** Returns milliseconds and the sum of all best prices read on the way. */
function measure({ symbols }: Workload, contestant: Contestant): { ms: number; sum: number } {
  const books = symbols.map(({ snapshot }) => contestant(snapshot));
  const longest = Math.max(...symbols.map(({ changes }) => changes.length));
  let sum = 0;
  const started = performance.now();
  for (let i = 0; i < longest; i++) {
    for (let s = 0; s < books.length; s++) {
      const made = symbols[s]?.changes[i];
      if (!made) continue;
      const book = books[s] as Book;
      book.apply(made);
      sum += book.best();
    }
  }
  return { ms: performance.now() - started, sum };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** Runs the contestants in turns, so that a slow moment of the machine hits all; the first round warms up. */
function compare(workload: Workload, contestants: Record<string, Contestant>): Record<string, number> {
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, [] as number[]]));
  const sums = new Map<string, number>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, contestant] of Object.entries(contestants)) {
      const { ms, sum } = measure(workload, contestant);
      if (round > 0) times[name]?.push(ms);
      sums.set(name, sum);
    }
  }
  for (const name of ['tardis', 'ccxt'])
    if (sums.get(name) !== sums.get('ours')) throw new Error(`${workload.name}: best prices of ${name} differ from ours`);
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

for (const workload of [windows(4, 50_000), recorded('bybit-v5', 150), recorded('bitget-v2', 150)]) {
  const all = workload.symbols.flatMap(({ changes }) => changes);
  const levels = all.reduce((sum, { bids, asks }) => sum + bids.length + asks.length, 0);
  const times = compare(workload, { ours, tardis, ccxt, texts: textual(false), 'texts kept': textual(true), keeper });
  console.log(`\n${workload.name}: ${all.length} messages, ${(levels / all.length).toFixed(1)} levels each, equal best prices`);
  for (const [name, ms] of Object.entries(times)) {
    const ratio = ms / (times.ours as number);
    const goal = GOALS[name as keyof typeof GOALS];
    const verdict = goal ? `ours is ${ratio.toFixed(2)} × as fast (goal ${goal}: ${ratio >= goal ? 'met' : 'MISSED'})` : '';
    console.log(`  ${name.padEnd(12)}${(all.length / ms).toFixed(0).padStart(6)} k messages/s  ${verdict}`);
  }
}
