import type { TrueTrade } from '../exchange-server/index.js';
import { judgeBooks } from './book-oracle.js';
import { covers, holding, owedOf, owedSpans, unfilled } from './owed.js';
import { judgeRuns } from './run-oracle.js';
import type { Stage } from './stage.js';
import { readStore, type Stored, type StoredGap, type StoredTrade } from './stored.js';
import { addTotals, type Totals, zero } from './totals.js';
import type { Lost } from './verify-oracle.js';

/** What is wrong, a line each, what was counted on the way, and what is missing. */
type Verdict = {
  readonly problems: readonly string[];
  readonly totals: Totals;
  /** Trades that are owed and not stored, by symbol. */
  readonly lost: readonly Lost[];
  /** Gaps that say that something is missing. */
  readonly holes: number;
};

/** Holds a store to what the exchange knows. */
export async function judge(stage: Stage): Promise<Verdict> {
  const stored = await readStore(stage.store);
  const problems: string[] = [];
  const totals = zero();
  const lost = stage.symbols.map((symbol) => ({ symbol, trades: judgeTrades(stage, symbol, stored, { problems, totals }) }));
  judgeBooks(stage, stored, { problems, totals });
  judgeRuns(stage, stored, { problems, totals });
  return { problems, totals, lost, holes: unfilled(stored.gaps).length };
}

/** Returns the trades that are missing. */
function judgeTrades(stage: Stage, symbol: string, stored: Stored, { problems, totals }: Judgement): TrueTrade[] {
  const truth = stage.server.trades(stage.market, symbol);
  const trades = stored.trades.filter((trade) => trade.symbol === symbol);
  const all = stored.gaps.filter((gap) => gap.symbol === symbol && gap.channel === 'trade');
  const gaps = holding(all);
  const known = new Map(trades.map((trade) => [trade.id, trade]));
  const say = (what: string) => void problems.push(`${symbol}: ${what}`);
  if (known.size < trades.length) say(`${trades.length - known.size} trades are stored more than once`);
  judgeValues(truth, trades, say, totals);
  const owed = owedOf(truth, owedSpans(stage, 'trade', symbol, trades, IS_RESUMED));
  const lost = owed.filter(({ id }) => !known.has(id));
  const silent = lost.filter(({ time }) => !gaps.some((gap) => gap.missing && covers(gap, time)));
  if (silent.length > 0)
    say(
      `${silent.length} of ${owed.length} owed trades lost in silence: ${silent.slice(0, 4).map(told).join(', ')}; ${context(trades, all, silent)}`,
    );
  addTotals(totals, {
    produced: truth.filter(({ time }) => time >= (stage.runs[0]?.from ?? 0)).length,
    owed: owed.length,
    stored: trades.length,
    covered: lost.length - silent.length,
    repaired: trades.filter(({ local_timestamp }) => local_timestamp === undefined).length,
  });
  for (const gap of gaps) judgeGap(gap, { truth, ids: known, gaps }, say, totals);
  return lost;
}

/** Whether a start repairs what happened since the last trade that is stored. */
const IS_RESUMED = true;

type Judgement = { readonly problems: string[]; readonly totals: Totals };
type Say = (what: string) => void;

/**
 * Every stored trade is one of the exchange's, to the last digit, and they lie in the exchange's order. A time that an
 * exchange's history gives in whole seconds may put a fetched trade before live ones of its second: that is counted.
 */
function judgeValues(truth: readonly TrueTrade[], trades: readonly StoredTrade[], say: Say, totals: Totals): void {
  const places = new Map(truth.map((trade, place) => [trade.id, { trade, place }]));
  let last = { place: -1, isRounded: false };
  for (const { id, timestamp, local_timestamp, price, amount, side } of trades) {
    const found = places.get(id);
    if (!found) {
      say(`trade ${id} never happened`);
      continue;
    }
    const { trade, place } = found;
    const isSame =
      isTime(trade.time * 1_000, timestamp, local_timestamp) && Number(trade.price) === price && Number(trade.size) === amount;
    if (!isSame || trade.side !== side) say(`trade ${id} is stored as something else`);
    const isRounded = timestamp < trade.time * 1_000;
    if (place < last.place && (isRounded || last.isRounded)) addTotals(totals, { displaced: 1 });
    else if (place < last.place) say(`trade ${id} is read out of order`);
    last = { place, isRounded };
  }
}

/** Some histories round times down to the second; a trade from there lies no later than it happened. */
function isTime(truth: number, stored: number, arrival: number | undefined): boolean {
  return arrival === undefined ? stored <= truth && truth - stored < 1_000_000 : stored === truth;
}

type Known = {
  readonly truth: readonly TrueTrade[];
  readonly ids: ReadonlyMap<string, unknown>;
  readonly gaps: readonly StoredGap[];
};

/** A gap that counts as whole lacks nothing that no other gap tells of. How tight the others are is counted. */
function judgeGap(gap: StoredGap, { truth, ids, gaps }: Known, say: Say, totals: Totals): void {
  const { from_timestamp: from, until_timestamp: until, missing, repaired, reason } = gap;
  const within = truth.filter(({ time }) => covers(gap, time));
  const absent = within.filter(({ id }) => !ids.has(id));
  const name = `gap ${reason} ${from}…${until} (repaired ${repaired}, missing ${missing})`;
  if (until < from) say(`${name} ends before it begins`);
  if (missing) {
    const inside = within.filter(({ id, time }) => ids.has(id) && time * 1_000 > from && time * 1_000 < until);
    const lost = absent.length === 0 ? 0 : (absent.at(-1)?.time ?? 0) - (absent[0]?.time ?? 0);
    addTotals(totals, { gaps: 1, emptyGaps: absent.length === 0 ? 1 : 0, inside: inside.length });
    addTotals(totals, { gapTime: (until - from) / 1_000, lostTime: lost });
    return;
  }
  const silent = absent.filter(({ time }) => !gaps.some((other) => other.missing && covers(other, time)));
  if (silent.length > 0)
    say(`${name} counts as whole and lacks ${silent.length} trades: ${silent.slice(0, 3).map(told).join(', ')}`);
  addTotals(totals, { repairedGaps: 1 });
}

const told = ({ id, time }: TrueTrade): string => `${id} at ${time}`;

/** Says what is stored around the first trade that was lost. */
function context(trades: readonly StoredTrade[], gaps: readonly StoredGap[], [first]: readonly TrueTrade[]): string {
  if (!first) return '';
  const at = first.time * 1_000;
  const arrival = (trade?: StoredTrade) => trade && `${trade.timestamp} (arrived ${trade.local_timestamp ?? 'never: fetched'})`;
  const before = arrival(trades.findLast(({ timestamp }) => timestamp <= at));
  const after = arrival(trades.find(({ timestamp }) => timestamp >= at));
  const near = gaps.map((gap) => {
    const { reason, from_timestamp, until_timestamp, missing, repaired } = gap;
    return `${reason} ${from_timestamp}…${until_timestamp} ${missing ? 'missing' : `whole, ${repaired} repaired`}`;
  });
  return `stored before ${before}, after ${after}, gaps: ${near.join(', ') || 'none'}`;
}
