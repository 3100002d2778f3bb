import type { TrueBook } from '../exchange-server/index.js';
import { PlainBook } from '../plain-book.js';
import { covers, owedOf, owedSpans } from './owed.js';
import type { Stage } from './stage.js';
import type { Stored, StoredBook, StoredGap } from './stored.js';
import { addTotals, type Totals } from './totals.js';

type Judgement = { readonly problems: string[]; readonly totals: Totals };
type Say = (what: string) => void;

/** A book as text, by channel, sequence and time. */
type Truth = { readonly depth: number; readonly states: ReadonlyMap<string, string> };

/** Holds every emitted book, and every book that emitted deltas lead to, to the exchange's at that sequence. */
export function judgeBooks(stage: Stage, stored: Stored, { problems, totals }: Judgement): void {
  for (const symbol of stage.symbols) {
    const books = stored.books.filter((book) => book.symbol === symbol);
    if (books.length === 0) continue;
    const truths = truthsOf(stage, symbol);
    const say = (what: string) => void problems.push(`${symbol}: ${what}`);
    const snapshots = books.filter(({ depth }) => depth !== undefined);
    const deltas = books.filter(({ depth }) => depth === undefined);
    for (const book of snapshots) judgeSnapshot(book, truths, say);
    const gaps = stored.gaps.filter((gap) => gap.symbol === symbol && gap.channel === 'book_delta');
    judgeDeltas(deltas, truths, gaps, say);
    if (stage.scenario.channels.includes('book_delta')) judgeCompleteness(stage, symbol, deltas, gaps, say);
    addTotals(totals, { books: snapshots.length, deltas: deltas.length });
  }
}

function truthsOf({ server, market }: Stage, symbol: string): Truth[] {
  const channels = new Map(
    server.subscribed
      .filter(({ topic }) => topic.kind === 'book' && topic.symbol === symbol)
      .map(({ topic }) => [topic.channel, topic.depth ?? Number.POSITIVE_INFINITY]),
  );
  return [...channels].map(([channel, depth]) => ({
    depth,
    states: new Map(server.books(market, symbol, channel).map((book) => [keyOf(book.sequence, book.time), textOf(book)])),
  }));
}

function judgeSnapshot(book: StoredBook, truths: readonly Truth[], say: Say): void {
  const found = truths.flatMap(({ states }) => states.get(keyOf(book.sequence, book.timestamp / 1_000)) ?? []);
  const { depth = Number.POSITIVE_INFINITY } = book;
  const text = JSON.stringify([book.bids, book.asks]);
  if (found.length === 0) say(`a book of sequence ${book.sequence} at ${book.timestamp} never was`);
  else if (!found.some((state) => topOf(state, depth) === text))
    say(`the book of sequence ${book.sequence} differs from the exchange's`);
}

/** Applies whole snapshots and deltas as a reader of the store does. */
function judgeDeltas(books: readonly StoredBook[], truths: readonly Truth[], gaps: readonly StoredGap[], say: Say): void {
  let plain: PlainBook | undefined;
  let last: StoredBook | undefined;
  for (const book of books) {
    const { sequence, timestamp, bids, asks, local_timestamp: at } = book;
    const isWhole = book.type === 'book_snapshot';
    if (isWhole) plain = new PlainBook();
    if (!plain || !last) {
      if (!isWhole) say(`the first delta, of sequence ${sequence}, follows no whole snapshot`);
    } else if (!isWhole && !follows(book, last)) {
      const told = gaps.some(({ local_timestamp: told = 0 }) => told > (last?.local_timestamp ?? 0) && told < at);
      say(
        `delta ${sequence} (previous ${book.previous_sequence}) does not follow ${last.sequence}${told ? ', a gap lies between' : ''}`,
      );
    }
    plain?.apply(bids as unknown as string[][], asks as unknown as string[][]);
    const found = truths.find(({ states }) => states.has(keyOf(sequence, timestamp / 1_000)));
    const state = found?.states.get(keyOf(sequence, timestamp / 1_000));
    if (!found || state === undefined) say(`${book.type} of sequence ${sequence} at ${timestamp} never was`);
    else if (plain?.top(found.depth) !== topOf(state, found.depth))
      say(`the deltas up to ${sequence} lead to another book than the exchange's`);
    last = book;
  }
}

/** Every change the exchange pushed is stored, or a gap says that it is missing. */
function judgeCompleteness(
  stage: Stage,
  symbol: string,
  books: readonly StoredBook[],
  gaps: readonly StoredGap[],
  say: Say,
): void {
  const { server, market } = stage;
  const known = new Set(books.map(({ sequence, timestamp }) => keyOf(sequence, timestamp / 1_000)));
  const channels = server.subscribed
    .filter(({ topic }) => topic.hasDeltas && topic.symbol === symbol)
    .map(({ topic }) => topic.channel);
  for (const channel of new Set(channels)) {
    const owed = owedOf(server.books(market, symbol, channel), owedSpans(stage, 'book', symbol, books, IS_RESUMED));
    const silent = owed
      .filter(({ sequence, time }) => !known.has(keyOf(sequence, time)))
      .filter(({ time }) => !gaps.some((gap) => gap.missing && covers(gap, time)));
    const [first] = silent;
    const near = gaps.map(({ reason, from_timestamp: from, until_timestamp: until }) => `${reason} ${from}…${until}`);
    if (first)
      say(
        `${silent.length} of ${owed.length} changes of the book lost in silence, the first ${first.sequence} at ${first.time}; gaps: ${near.join(', ') || 'none'}`,
      );
  }
}

/** A start tells what lies between the last change that is stored and the first book that it receives. */
const IS_RESUMED = true;

/**
 * Bitget names the one before, Bybit counts. The first after a whole state spans it, and may end with it too.
 */
function follows(book: StoredBook, last: StoredBook): boolean {
  const [sequence, reached] = [BigInt(book.sequence ?? -1), BigInt(last.sequence ?? -1)];
  const previous = book.previous_sequence === undefined ? sequence - 1n : BigInt(book.previous_sequence);
  if (last.type === 'book_snapshot') return previous <= reached && reached <= sequence;
  return previous === reached;
}

const keyOf = (sequence: string | undefined, time: number): string => `${sequence} ${time}`;

const textOf = ({ bids, asks }: TrueBook): string =>
  JSON.stringify([bids, asks].map((side) => side.map((level) => level.map(Number))));

function topOf(state: string, depth: number): string {
  return depth === Number.POSITIVE_INFINITY
    ? state
    : JSON.stringify((JSON.parse(state) as unknown[][]).map((side) => side.slice(0, depth)));
}
