import { count, flag, json, levels, long, number, oneOf, optional, text, time } from './schema.js';

export const MARKETS = ['spot', 'linear', 'inverse'] as const;
export const KINDS = ['spot', 'perpetual', 'future'] as const;
export const STATUSES = ['trading', 'halted', 'prelisting', 'settling', 'closed'] as const;
export const SIDES = ['buy', 'sell'] as const;
/** The causes of a gap; `lost` means that stored records no longer exist. */
const GAP_REASONS = ['disconnect', 'stale', 'sequence', 'checksum', 'overflow', 'shutdown', 'lost'] as const;
export type GapReason = (typeof GAP_REASONS)[number];
export const CANDLE_SOURCES = ['trades', 'exchange'] as const;

/** The first columns of every market data record, after `type`. */
export const identity = {
  exchange: text('the exchange, `bitget` or `bybit`'),
  market: oneOf(MARKETS, 'the product line'),
  symbol: text("the exchange's own spelling, upper case"),
  timestamp: time("the matching engine's time where the exchange gives one, else the push time"),
  local_timestamp: optional(time('arrival, strictly increasing within one writer; absent for fetched history')),
};

export const instrument = {
  ...identity,
  base: text('base asset'),
  quote: text('quote asset'),
  settle: text('asset that profit is paid in'),
  kind: oneOf(KINDS, 'spot, perpetual or dated future'),
  category: optional(text("the exchange's own class: innovation, stock…")),
  status: oneOf(STATUSES, 'whether it trades'),
  tick_size: optional(number('smallest price step')),
  lot_size: optional(number('smallest amount step')),
  min_amount: optional(number('smallest order')),
  max_amount: optional(number('largest limit order')),
  min_notional: optional(number('smallest order in quote units')),
  contract_size: optional(number('amount of one contract')),
  amount_unit: oneOf(['base', 'quote'], 'what amounts of this symbol count'),
  max_leverage: optional(number('largest leverage')),
  maker_fee: optional(number('list fee, a fraction')),
  taker_fee: optional(number('list fee, a fraction')),
  price_band_up: optional(number('how far above the market an order may lie, a fraction')),
  price_band_down: optional(number('how far below the market an order may lie, a fraction')),
  max_orders: optional(count('open orders allowed on the symbol')),
  funding_interval_hours: optional(number('hours between fundings')),
  launch_timestamp: optional(time('first trading')),
  expiry_timestamp: optional(time('delivery of a dated future')),
  canonical: text('`bitget:linear:BTCUSDT`'),
  ccxt: text('`BTC/USDT:USDT`'),
  legacy: optional(text('`BTCUSDT_UMCBL`')),
  listed: optional(count('in the store: instruments of this exchange and market that were listed at `timestamp`, all of them')),
  change: optional(oneOf(['new', 'gone', 'changed'], '`symbols --diff`: what happened since the older list')),
  changed: optional(json('`symbols --diff`: the fields that changed, `{"tick_size": [before, after]}`')),
};

export const trade = {
  ...identity,
  id: text("the exchange's id"),
  price: number('price'),
  amount: number('base units (quote units where `instrument.amount_unit` says so)'),
  side: optional(oneOf(SIDES, 'side of the taker; absent where the source does not say it')),
  sequence: optional(long("the exchange's order, where it gives one")),
};

export const ticker = {
  ...identity,
  last: optional(number('last trade price')),
  bid: optional(number('best bid')),
  bid_amount: optional(number('amount at the best bid')),
  ask: optional(number('best ask')),
  ask_amount: optional(number('amount at the best ask')),
  volume_24h: optional(number('base volume of 24 hours')),
  turnover_24h: optional(number('quote volume of 24 hours')),
};

export const book_snapshot = {
  ...identity,
  bids: levels('`[price, amount]`, best first'),
  asks: levels('`[price, amount]`, best first'),
  sequence: optional(long('Bitget `seq`, Bybit `u`; absent where there is none')),
  depth: optional(count('levels asked for, on top-N snapshots; absent on whole ones')),
};

export const book_delta = {
  ...identity,
  bids: levels('changed levels; amount 0 removes'),
  asks: levels('changed levels; amount 0 removes'),
  sequence: optional(long('Bitget `seq`, Bybit `u`')),
  previous_sequence: optional(long('sequence of the update before this one')),
};

export const mark_price = {
  ...identity,
  mark: number('mark price'),
  index: optional(number('index price')),
};

export const open_interest = {
  ...identity,
  amount: optional(number('open interest, one side')),
  amount_both_sides: optional(number('where the exchange counts both sides')),
};

export const funding = {
  ...identity,
  rate: number('funding rate, a fraction'),
  next_funding_timestamp: optional(time('when it is charged next')),
  interval_hours: optional(number('hours between fundings')),
  settled: optional(flag('true for a rate that was paid')),
};

export const liquidation = {
  ...identity,
  side: oneOf(SIDES, 'side of the forced order: `buy` closed a short'),
  price: number("the exchange's price (Bybit: the bankruptcy price)"),
  amount: number('base units'),
  sequence: optional(long('imported without arrival: 1, 2, … of rows that repeat another one of their time; else absent')),
};

export const candle = {
  ...identity,
  interval: text('`1s`, `1m`, `15m`…'),
  open: optional(number('open')),
  high: optional(number('high')),
  low: optional(number('low')),
  close: optional(number('close')),
  volume: number('base units'),
  turnover: optional(number('quote units')),
  buy_volume: optional(number('volume of trades whose taker bought; absent where a trade has no side')),
  trades: optional(count('number of trades')),
  source: oneOf(CANDLE_SOURCES, 'built here from trades, or by the exchange'),
  closed: flag('whether the interval is over'),
  complete: optional(flag('false when an unrepaired gap overlaps')),
};

export const gap = {
  ...identity,
  channel: text('the channel that has the gap; of candles of one interval `candle_exchange_1m`'),
  from_timestamp: time('the last thing known before the gap'),
  until_timestamp: time('the first thing known after it; equals `timestamp`'),
  reason: oneOf(GAP_REASONS, 'what made it; `shutdown`: between two runs, `lost`: stored records that are no more'),
  repaired: count('records fetched again'),
  missing: flag('true when records are still missing'),
};

export const clock = {
  exchange: text("the exchange's time on this market has passed `timestamp`"),
  market: oneOf(MARKETS, 'the product line'),
  timestamp: time('whole second'),
  local_timestamp: optional(time('when it was known')),
};

export const coverage = {
  ...identity,
  channel: text('the channel that was checked'),
  from_timestamp: time('start of the span'),
  until_timestamp: time('end of the span, exclusive'),
  records: count('records stored'),
  duplicates: count('records with a key that another has'),
  out_of_order: count('records that break the order'),
  gaps: count('gaps recorded'),
  compared: optional(count("records compared with the exchange's own")),
  mismatches: optional(count('of these, different')),
  verdict: oneOf(['whole', 'hole', 'suspect', 'mismatch'], 'the finding'),
  detail: optional(json('what was found, and where')),
};
