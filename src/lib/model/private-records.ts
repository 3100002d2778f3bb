import { identity, MARKETS, SIDES } from './market-records.js';
import { count, flag, json, number, oneOf, optional, text, time } from './schema.js';

/** `paper` trades against the live market without an order, `demo` at the exchange with play money. */
const MODES = ['paper', 'demo', 'live'] as const;
export type Mode = (typeof MODES)[number];
const POSITION_SIDES = ['long', 'short'] as const;
export type PositionSide = (typeof POSITION_SIDES)[number];
const ORDER_STATUSES = ['new', 'partial', 'filled', 'cancelled', 'rejected', 'unknown'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];
const FILL_CAUSES = ['order', 'liquidation', 'adl', 'settlement', 'manual'] as const;
export type FillCause = (typeof FILL_CAUSES)[number];
const SEVERITIES = ['routine', 'warning', 'alarm'] as const;

/** Whose record it is. */
const owner = {
  run: optional(text('the run of `grid run` that it belongs to')),
  mode: oneOf(MODES, 'play money or real money'),
  account: text('name of the key'),
};

/** As `owner`, on record types that steps without an account write too. */
const anyOwner = {
  run: optional(text('the run of `grid run` that it belongs to; on an `event` without one the id of the writer')),
  mode: optional(oneOf(MODES, 'play money or real money; absent where no account is involved')),
  account: optional(text('name of the key; absent where no account is involved')),
};

const run = { run_id: optional(text('identifies the backtest; absent on fills of an exchange')) };

export const fill = {
  ...identity,
  ...run,
  number: optional(count('number of the fill within the backtest, 0 first')),
  order_id: text('identifies the order: at the exchange, or within the backtest, where `0` is the exchange, which liquidates'),
  side: oneOf(SIDES, 'side'),
  position_side: optional(oneOf(POSITION_SIDES, 'the position that it opened or closed; absent where the exchange does not say')),
  price: number('price'),
  amount: number('amount'),
  fee: optional(number('positive was paid, negative is a rebate; in `fee_asset`, of a backtest in quote units')),
  liquidity: optional(oneOf(['maker', 'taker'], 'which fee applied')),
  reason: optional(
    oneOf(['entry', 'level', 'take_profit', 'stop', 'trailing', 'timeout', 'exit', 'liquidation'], 'why, where a strategy says'),
  ),
  realized_pnl: optional(number('quote units, before fees')),
  position: optional(number('of that side after the fill; negative is short; backtests only')),
  trade_id: optional(text("the exchange's id of the fill")),
  client_id: optional(text('id that the sender gave to the order')),
  fee_asset: optional(text('asset of the fee; absent on backtests')),
  fees: optional(json('all fees by asset, where there is more than one')),
  cause: optional(oneOf(FILL_CAUSES, 'what made the fill; absent on backtests')),
  ...anyOwner,
};

export const order = {
  ...identity,
  ...owner,
  client_id: optional(text('id that the sender gave')),
  order_id: optional(text("the exchange's id; absent before it is known")),
  role: optional(text('what the order is for, on orders of a run: `entry`, `level`, `take_profit`, `close`')),
  side: oneOf(SIDES, 'side'),
  position_side: optional(oneOf(POSITION_SIDES, 'the position that it opens or closes; absent where the exchange does not say')),
  kind: oneOf(['market', 'limit'], 'order type'),
  time_in_force: optional(oneOf(['gtc', 'ioc', 'fok', 'post_only'], 'how long it rests')),
  reduce_only: optional(flag('whether it may only reduce the position')),
  price: optional(number('limit price')),
  amount: number('amount of the whole order'),
  filled: number('amount filled so far'),
  average: optional(number('average price of the fills')),
  status: oneOf(ORDER_STATUSES, 'a cancelled order may be filled in part'),
  reason: optional(text("why, in the exchange's words")),
};

export const position = {
  ...identity,
  ...owner,
  position_side: optional(oneOf(POSITION_SIDES, 'absent when flat on an account without separate sides')),
  amount: number('0 when flat, never negative'),
  average: optional(number('average entry price')),
  mark: optional(number('mark price')),
  leverage: optional(number('leverage')),
  margin_mode: optional(oneOf(['isolated', 'cross'], 'what the position may lose')),
  margin: optional(number('margin of the position')),
  unrealised: optional(number('unrealised profit at the mark price')),
  realised: optional(number('realised profit of the open position')),
  liquidation: optional(number('liquidation price; absent when there is none')),
  position_mode: optional(oneOf(['one_way', 'hedge'], 'whether long and short are separate')),
};

export const balance = {
  exchange: text('the exchange'),
  market: optional(oneOf(MARKETS, 'the product line; absent on accounts that all products share')),
  symbol: optional(text('absent: a balance has no symbol')),
  timestamp: time('when the exchange stated it'),
  local_timestamp: identity.local_timestamp,
  ...owner,
  asset: text('asset'),
  total: optional(number('wallet balance, without unrealised profit')),
  available: optional(number('free for orders, where the exchange says')),
  equity: optional(number('balance + unrealised profit')),
  unrealised: optional(number('unrealised profit')),
  margin_used: optional(number('initial margin of positions and orders')),
  maintenance: optional(number('maintenance margin')),
  borrowed: optional(number('debt')),
};

export const event = {
  exchange: optional(text('absent where none is involved')),
  market: optional(oneOf(MARKETS, 'absent where none is involved')),
  symbol: optional(text('absent where none is involved')),
  timestamp: time('when it happened'),
  local_timestamp: identity.local_timestamp,
  ...anyOwner,
  seq: count('number within the run or the writer, 0 first'),
  severity: oneOf(SEVERITIES, 'how urgent it is'),
  kind: text('what happened, one word'),
  message: text('the same as a sentence'),
  cycle: optional(count('cycle of the run')),
  client_id: optional(text('the order that it is about')),
  code: optional(text("the exchange's code")),
  data: optional(json('details')),
};
