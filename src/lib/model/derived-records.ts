import { identity, SIDES } from './market-records.js';
import { count, flag, json, number, oneOf, optional, text, time } from './schema.js';

const known = { known_timestamp: time('the moment from which it could be known') };

export const micro = {
  ...identity,
  open: optional(number('first trade of the second')),
  high: optional(number('highest trade')),
  low: optional(number('lowest trade')),
  close: optional(number('last trade, carried forward')),
  buy_volume: optional(number('volume of takers that bought; absent where a trade has no side')),
  sell_volume: optional(number('volume of takers that sold; absent where a trade has no side')),
  delta: optional(number('buy − sell volume; absent where a trade has no side')),
  trades: count('number of trades'),
  bid: optional(number('best bid')),
  bid_amount: optional(number('amount at the best bid')),
  ask: optional(number('best ask')),
  ask_amount: optional(number('amount at the best ask')),
  mid: optional(number('(bid + ask) / 2')),
  spread_bps: optional(number('(ask − bid) / mid, basis points')),
  imbalance: optional(number('(Σ bids − Σ asks) / (Σ bids + Σ asks) over 15 levels')),
  microprice: optional(number('mid weighted by the opposite amounts')),
  ofi: optional(number('order-flow imbalance at the best level')),
  mark: optional(number('mark price')),
  index: optional(number('index price')),
  open_interest: optional(number('one side')),
  funding_rate: optional(number('a fraction')),
  complete: flag('false when an unrepaired gap covers the second'),
  book_timestamp: optional(time('of the latest book')),
  mark_timestamp: optional(time('of the latest mark price')),
};

/** The numbers of section 7 of the design, by name; `signal` carries the same ones as its evidence. */
const featureValues = {
  close: optional(number('last trade price')),
  delta_z: optional(number('z of buy − sell volume')),
  cvd: optional(number('cumulative delta since UTC midnight')),
  imb_shift: optional(number('imbalance now − imbalance a window ago')),
  ofi: optional(number('order-flow imbalance, summed')),
  microprice_dev_bps: optional(number('(microprice − mid) / mid, basis points')),
  mark_dev_z: optional(number('z of (mark − last) / last')),
  oi_z: optional(number('z of the change of open interest')),
  atr15m: optional(number('Wilder ATR(14) on 15-minute candles')),
  atr15m_pct: optional(number('the same as a percentage of the close')),
  realized_vol: optional(number('annualised volatility of 1-second returns')),
  basis_bps: optional(number('(mark − index) / index, basis points')),
  funding_rate: optional(number('current funding')),
  spread_bps: optional(number('(ask − bid) / mid, basis points')),
};

export const features = {
  ...identity,
  ...known,
  ...featureValues,
  warm: flag('whether every feature that gates and triggers use is there'),
  gap_in_window: flag('an unrepaired gap overlaps one of their windows'),
  age_ms: optional(number('age of the older of book and mark')),
  detail: optional(json('why a feature is missing or not warm, by name')),
  own: optional(json('features of your own modules, by name')),
};

export const signal = {
  ...identity,
  ...known,
  id: text('hash of exchange, market, symbol, second, side and configuration'),
  side: oneOf(SIDES, '`buy` goes long'),
  price: number("the row's close"),
  stop: number('stop price'),
  take_profit: number('target price'),
  trailing_distance: number('a fraction of the price'),
  trailing_arm: number('price at which the trailing stop is armed'),
  timeout_seconds: number('when the position is closed at the latest'),
  ...featureValues,
  gates: json('verdict of each gate, by name'),
  own: optional(json('features of your own modules, by name')),
};

const optionalIdentity = {
  exchange: optional(text('absent on an offline plan')),
  market: optional(text('absent on an offline plan')),
  symbol: optional(text('absent on an offline plan')),
  timestamp: time('when the plan was made'),
  local_timestamp: optional(time('absent: a plan does not arrive')),
};

export const grid_level = {
  ...optionalIdentity,
  level: count('0 first'),
  kind: oneOf(['market', 'limit'], 'level 0 is a market order'),
  side: oneOf(SIDES, 'side of the order'),
  price: number('on a tick'),
  amount: number('on a lot'),
  notional: number('price × amount'),
  cumulative_amount: number('if filled so far'),
  average_price: optional(number('if filled so far')),
  break_even_price: optional(number('fees included')),
  take_profit_price: optional(number('for the position so far')),
  profit: optional(number('at the take profit, fees deducted')),
  return_pct: optional(number('profit as a percentage of the deposit')),
  margin: number('margin of the position so far'),
  liquidation_price: optional(number('of the position so far')),
  distance_to_next_pct: optional(number('to the next level')),
  status: text('`ok`, or the reason why not'),
};

export const grid_plan = {
  ...optionalIdentity,
  side: oneOf(['long', 'short'], 'direction'),
  price: number('where the grid starts'),
  deposit: number('quote units'),
  leverage: number('leverage'),
  levels: count('number of orders'),
  coverage_pct: number('distance from the first to the last level'),
  multiplier: number('amount of a level over that of the one before'),
  take_profit_pct: number('distance from the average price'),
  spacing: oneOf(['arithmetic', 'geometric', 'list'], 'how prices are spaced'),
  distances_pct: optional(json('distances of levels 1, 2, … from the price, of a spacing list')),
  sizing: oneOf(['reference', 'full'], 'how the base amount is found'),
  margin_mode: oneOf(['isolated', 'cross'], 'what the position may lose'),
  tick_size: optional(number('price step')),
  lot_size: optional(number('amount step')),
  min_amount: optional(number('smallest order')),
  max_amount: optional(number('largest order')),
  min_notional: optional(number('smallest order in quote units')),
  max_leverage: optional(number('largest leverage of the instrument')),
  max_orders: optional(count('open orders allowed, the take profit included')),
  price_band_up: optional(number('a fraction')),
  price_band_down: optional(number('a fraction')),
  maintenance_rate: optional(number('a fraction; absent where tiers apply')),
  maintenance_tiers: optional(json('the tiers that were applied')),
  maker_fee: number('a fraction'),
  taker_fee: number('a fraction'),
  multiplier_sum: number('Σ multiplier^i'),
  base_amount: number('amount of level 0 before rounding'),
  committed_notional: number('Σ notional of the levels'),
  budget_notional: number('deposit × leverage'),
  utilisation_pct: number('committed / budget'),
  margin_required: number('for all levels'),
  entry_fees: optional(number('fees of all fills, quote units')),
  worst_loss: number("loss with all levels filled at the last level's price, quote units"),
  rebound_pct: optional(number('way from the last level to the take profit')),
  liquidation_price: optional(number('of the whole position')),
  first_unsafe_level: optional(count('the first level whose status is not ok')),
  detail: optional(json('warnings, the answer of --solve, of --filled and of --stress')),
};

const run = { run_id: text('identifies the run') };

export const equity = {
  ...identity,
  ...run,
  equity: number('balance + unrealised profit'),
  balance: number('deposit + realised − fees + funding'),
  position: number('long − short; negative is short'),
  drawdown_pct: number('from the highest equity so far'),
};

export const runRecord = {
  ...identity,
  ...run,
  strategy: text('`signals`, `grid` or the path of a module'),
  path: optional(oneOf(['high-first', 'low-first', 'worse', 'better'], 'assumed inside candles')),
  from_timestamp: time('beginning of the data'),
  until_timestamp: time('end of the data'),
  parameters: json('every parameter in effect'),
  metrics: json('every metric of the run'),
  detail: optional(json('warnings; the rank and the part of a sweep')),
  fills_hash: text('SHA-256 of the fills as NDJSON, without run_id'),
};
