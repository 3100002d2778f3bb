import type { AnyRecord, BookSnapshot, Trade } from '../../src/lib/model/records.js';

const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;
const BAR = 900 * SECOND;

/** One second, computed by looking through all records. */
export type PlainSecond = {
  readonly end: number;
  readonly open: number | undefined;
  readonly high: number | undefined;
  readonly low: number | undefined;
  readonly close: number | undefined;
  readonly delta: number;
  readonly trades: number;
  readonly imbalance: number | undefined;
  readonly spreadBps: number | undefined;
  readonly micropriceDevBps: number | undefined;
  readonly ofi: number | undefined;
  readonly mark: number | undefined;
  readonly index: number | undefined;
  readonly openInterest: number | undefined;
  readonly fundingRate: number | undefined;
};

type Value = number | undefined;
export type PlainWindows = Readonly<Record<'delta_z' | 'imb_shift' | 'ofi' | 'mark_dev_z' | 'oi_z' | 'realized_vol', number>>;
export const PLAIN_WINDOWS: PlainWindows = {
  delta_z: 300,
  imb_shift: 60,
  ofi: 60,
  mark_dev_z: 3600,
  oi_z: 3600,
  realized_vol: 900,
};

const byTime = (a: AnyRecord, b: AnyRecord) => a.timestamp - b.timestamp || (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0);
const byTrade = (a: Trade, b: Trade) =>
  a.timestamp - b.timestamp ||
  Number(BigInt(a.sequence ?? -1) - BigInt(b.sequence ?? -1)) ||
  (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0) ||
  (a.id < b.id ? -1 : 1);

/**
 * Returns the seconds of one symbol's records (without gaps), written once more from the definitions: every second looks
 * for itself what happened in it and what was the last before. `range` says which, where the records know more.
 */
export function plainSeconds(
  records: readonly AnyRecord[],
  range?: { readonly from: number; readonly until: number },
): PlainSecond[] {
  const inputs = records.filter(({ type }) => type !== 'clock' && type !== 'gap' && type !== 'candle');
  const of = <Type extends AnyRecord['type']>(type: Type) =>
    inputs.filter((record): record is Extract<AnyRecord, { type: Type }> => record.type === type).sort(byTime);
  const trades = [...of('trade')].sort(byTrade);
  const [books, tickers, marks, interests, fundings] = [
    of('book_snapshot'),
    of('ticker'),
    of('mark_price'),
    of('open_interest'),
    of('funding'),
  ];
  const times = inputs.map(({ timestamp }) => timestamp);
  const first = range?.from ?? Math.floor(Math.min(...times) / SECOND) * SECOND;
  const last = range ? range.until - 1 : Math.max(...times);
  const seconds: PlainSecond[] = [];
  for (let start = first; start <= last; start += SECOND) {
    const end = start + SECOND;
    const latest = <R extends AnyRecord>(list: readonly R[], carried: number) => {
      const found = list.findLast(({ timestamp }) => timestamp < end);
      return found && end - found.timestamp <= carried * SECOND ? found : undefined;
    };
    const inside = trades.filter(({ timestamp }) => timestamp >= start && timestamp < end);
    const prices = inside.map(({ price }) => price);
    const signed = inside.map(({ side, amount }) => (side === 'buy' ? amount : -amount));
    const book = latest(books, 10);
    const top = book ? { bid: book.bids[0], ask: book.asks[0] } : tickerTop(latest(tickers, 10));
    const mark = latest(marks, 60);
    seconds.push({
      end,
      open: prices[0],
      high: prices.length > 0 ? Math.max(...prices) : undefined,
      low: prices.length > 0 ? Math.min(...prices) : undefined,
      close: trades.findLast(({ timestamp }) => timestamp < end)?.price,
      delta: signed.reduce((sum, amount) => sum + amount, 0),
      trades: inside.length,
      imbalance: book ? plainImbalance(book) : undefined,
      ...plainPrices(top),
      ofi: book ? plainFlow(books, start, end) : undefined,
      mark: mark?.mark,
      index: mark?.index,
      openInterest: latest(interests, 120)?.amount,
      fundingRate: latest(fundings, 120)?.rate,
    });
  }
  return seconds;
}

type Top = { bid: readonly [number, number] | undefined; ask: readonly [number, number] | undefined };

function tickerTop(ticker: Extract<AnyRecord, { type: 'ticker' }> | undefined): Top | undefined {
  if (!ticker) return undefined;
  const { bid, bidAmount = 0, ask, askAmount = 0 } = ticker;
  return { bid: bid === undefined ? undefined : [bid, bidAmount], ask: ask === undefined ? undefined : [ask, askAmount] };
}

function plainImbalance({ bids, asks }: BookSnapshot): number {
  const sum = (levels: readonly (readonly [number, number])[]) =>
    levels.slice(0, 15).reduce((total, [, amount]) => total + amount, 0);
  return (sum(bids) - sum(asks)) / (sum(bids) + sum(asks));
}

function plainPrices(top: Top | undefined): { spreadBps: Value; micropriceDevBps: Value } {
  if (!top?.bid || !top.ask) return { spreadBps: undefined, micropriceDevBps: undefined };
  const [[bid, bidAmount], [ask, askAmount]] = [top.bid, top.ask];
  const mid = (bid + ask) / 2;
  const microprice = (ask * bidAmount + bid * askAmount) / (bidAmount + askAmount);
  return {
    spreadBps: ((ask - bid) / mid) * 1e4,
    micropriceDevBps: Number.isNaN(microprice) ? undefined : ((microprice - mid) / mid) * 1e4,
  };
}

/** The formula of Cont, Kukanov and Stoikov with its four indicators, as printed. */
function plainFlow(books: readonly BookSnapshot[], start: number, end: number): Value {
  let sum: Value = 0;
  for (const [index, book] of books.entries()) {
    if (book.timestamp < start || book.timestamp >= end) continue;
    const before = books[index - 1];
    const [bid, ask] = [book.bids[0], book.asks[0]];
    const [oldBid, oldAsk] = [before?.bids[0], before?.asks[0]];
    if (!before || book.timestamp - before.timestamp > 60 * SECOND || !bid || !ask || !oldBid || !oldAsk) sum = undefined;
    else if (sum !== undefined) {
      sum +=
        Number(bid[0] >= oldBid[0]) * bid[1] -
        Number(bid[0] <= oldBid[0]) * oldBid[1] -
        Number(ask[0] <= oldAsk[0]) * ask[1] +
        Number(ask[0] >= oldAsk[0]) * oldAsk[1];
    }
  }
  return sum;
}

/** Returns z of the last of `values`, the textbook way in two passes; undefined unless all are there and they differ. */
export function plainZ(values: readonly Value[]): Value {
  if (values.some((value) => value === undefined)) return undefined;
  const known = values as readonly number[];
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  if (known.every((value) => value === known[0])) return undefined;
  return ((known.at(-1) as number) - mean) / Math.sqrt(squares / (known.length - 1));
}

/** Returns the features at second `index`, each computed anew over its whole window: O(w) a row. */
export function plainFeatures(seconds: readonly PlainSecond[], index: number, windows: PlainWindows): Record<string, Value> {
  const now = seconds[index] as PlainSecond;
  const tail = (width: number) => (index + 1 >= width ? seconds.slice(index + 1 - width, index + 1) : undefined);
  const over = (width: number, values: (window: readonly PlainSecond[]) => Value) => {
    const window = tail(width);
    return window ? values(window) : undefined;
  };
  const atr = plainAtr(seconds, index);
  return {
    deltaZ: over(windows.delta_z, (window) => {
      const traded = window.filter(({ trades }) => trades > 0).length;
      return traded < Math.ceil(windows.delta_z / 5) ? undefined : plainZ(window.map(({ delta }) => delta));
    }),
    cvd: plainCvd(seconds, index),
    imbShift: over(windows.imb_shift + 1, (window) => difference(now.imbalance, window[0]?.imbalance)),
    ofi: over(windows.ofi, (window) => total(window.map(({ ofi }) => ofi))),
    micropriceDevBps: now.micropriceDevBps,
    markDevZ: over(windows.mark_dev_z, (window) => plainZ(window.map(({ mark, close }) => ratio(mark, close)))),
    oiZ: over(windows.oi_z + 60, () => plainZ(interestChanges(seconds, index, windows.oi_z))),
    atr15m: atr,
    atr15mPct: atr === undefined || now.close === undefined ? undefined : (atr / now.close) * 100,
    realizedVol: over(windows.realized_vol + 1, (window) => plainVolatility(window)),
    basisBps: now.mark === undefined || now.index === undefined ? undefined : ((now.mark - now.index) / now.index) * 1e4,
    fundingRate: now.fundingRate,
    spreadBps: now.spreadBps,
  };
}

const difference = (a: Value, b: Value) => (a === undefined || b === undefined ? undefined : a - b);
const ratio = (mark: Value, last: Value) => (mark === undefined || last === undefined ? undefined : (mark - last) / last);
const total = (values: readonly Value[]) =>
  values.reduce((sum: Value, value) => (sum === undefined || value === undefined ? undefined : sum + value), 0);

function interestChanges(seconds: readonly PlainSecond[], index: number, width: number): Value[] {
  return Array.from({ length: width }, (_, back) => {
    const at = index - width + 1 + back;
    return difference(seconds[at]?.openInterest, seconds[at - 60]?.openInterest);
  });
}

function plainVolatility(window: readonly PlainSecond[]): Value {
  const returns = window.slice(1).map(({ close }, at) => {
    const before = window[at]?.close;
    return close === undefined || before === undefined ? undefined : Math.log(close / before) ** 2;
  });
  const sum = total(returns);
  return sum === undefined ? undefined : Math.sqrt((sum * 31_536_000) / returns.length);
}

function plainCvd(seconds: readonly PlainSecond[], index: number): Value {
  const midnight = Math.floor(((seconds[index] as PlainSecond).end - 1) / DAY) * DAY;
  const today = seconds.slice(0, index + 1).filter(({ end }) => end > midnight);
  return today[0]?.end === midnight + SECOND ? today.reduce((sum, { delta }) => sum + delta, 0) : undefined;
}

/** Wilder's table, row by row, over the last 200 closed bars that the seconds make. */
function plainAtr(seconds: readonly PlainSecond[], index: number): Value {
  const now = (seconds[index] as PlainSecond).end;
  const begin = (seconds[0] as PlainSecond).end - SECOND;
  const bars: { high: number; low: number; close: number }[] = [];
  for (let start = Math.ceil(begin / BAR) * BAR; start + BAR <= now; start += BAR) {
    const from = (start - begin) / SECOND;
    const inside = seconds.slice(from, from + BAR / SECOND).filter(({ trades }) => trades > 0);
    if (inside.length === 0) continue;
    const highs = inside.map(({ high }) => high as number);
    const lows = inside.map(({ low }) => low as number);
    bars.push({ high: Math.max(...highs), low: Math.min(...lows), close: inside.at(-1)?.close as number });
  }
  return wilder(bars.slice(-200));
}

/** Returns ATR(14): mean of 14 true ranges, then a fourteenth of each new one. */
export function wilder(bars: readonly { high: number; low: number; close: number }[]): Value {
  const ranges = bars.map(({ high, low }, at) => {
    const close = bars[at - 1]?.close;
    return close === undefined ? high - low : Math.max(high - low, Math.abs(high - close), Math.abs(low - close));
  });
  if (ranges.length < 14) return undefined;
  let average = ranges.slice(0, 14).reduce((sum, range) => sum + range, 0) / 14;
  for (const range of ranges.slice(14)) average = (average * 13 + range) / 14;
  return average;
}
