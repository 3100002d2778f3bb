import { randomText } from '../../../lib/execution/live/random-text.js';
import { rulesOf } from '../../../lib/execution/live/rules.js';
import type { RunConfig, SafetyLimits } from '../../../lib/execution/state.js';
import { stopPrice, stopRefusal } from '../../../lib/execution/stops.js';
import type { GridInput } from '../../../lib/grid/parameters.js';
import { GRID_DEFAULTS } from '../../../lib/grid/parameters.js';
import { planGrid } from '../../../lib/grid/plan.js';
import type { Plan } from '../../../lib/grid/planned.js';
import type { TradingTerms } from '../../../lib/instruments/trading-terms.js';
import { LimitError, UsageError } from '../../../lib/model/errors.js';
import type { Mode } from '../../../lib/model/records.js';
import { Exact } from '../../../lib/model/ticks.js';
import { DAY } from '../../../lib/model/time.js';
import { buildGridInput } from '../plan/input.js';
import { type ConfigFlags, configFlags } from './flags.js';

const RESTART = 60_000;
const CYCLES_PER_HOUR = 30;
const MOST_ORDERS = 500;
const WEEK = 7 * DAY;
/** A batch costs as many requests as it has orders: half of the smallest limit of any exchange. */
const BATCH = 5;

/** The flags of a command line that make up a run, as they were written. */
export function givenOf(
  raw: readonly { readonly type: string; readonly flag?: string; readonly input?: string }[],
): Record<string, string> {
  const names = new Set(Object.keys(configFlags));
  const given = raw.flatMap((token): [string, string][] =>
    token.type === 'flag' && token.flag !== undefined && names.has(token.flag) ? [[token.flag, token.input ?? 'true']] : [],
  );
  return Object.fromEntries(given);
}

/** Stay for ever: what a run has earned so far is of one symbol. */
const FIXED: ReadonlySet<string> = new Set(['exchange', 'symbols']);

/** Throws a `UsageError` where flags differ from those that a run was made with, and may not. */
export function refuseChanges(config: RunConfig, given: Readonly<Record<string, string>>, isReconfigured: boolean): void {
  for (const [name, value] of Object.entries(given)) {
    const before = config.given[name];
    if (before === value || (isReconfigured && !FIXED.has(name))) continue;
    const advice = FIXED.has(name) ? 'make a new run' : 'start it by its name alone, or --reconfigure while it holds nothing';
    throw new UsageError(`--${name}: the run ${config.name} was made with ${before ?? 'the default'}, not ${value}; ${advice}`);
  }
}

type Account = {
  readonly mode: Mode;
  readonly name: string;
  readonly family?: string | undefined;
  readonly window: number;
  readonly batch: number;
};

/** Builds a run from flags and the terms of its symbol. Throws a `UsageError` where something is missing or does not fit. */
export function buildConfig(
  name: string,
  flags: ConfigFlags,
  terms: TradingTerms,
  account: Account,
  given: Readonly<Record<string, string>>,
): RunConfig {
  const { instrument } = terms;
  refuseInstrument(terms);
  const { deposit } = flags;
  if (deposit === undefined) throw new UsageError(`missing --deposit: the run ${name} does not exist yet`);
  const { price, deposit: _, ...settings } = gridInput(flags, terms);
  const maxDeposit = flags['max-deposit'] ?? deposit;
  if (new Exact(maxDeposit).lt(deposit))
    throw new UsageError(`--max-deposit: expected at least --deposit ${deposit}, was ${maxDeposit}`);
  return {
    name,
    id: randomText(6),
    given,
    exchange: instrument.exchange,
    market: instrument.market,
    symbol: instrument.symbol,
    settle: instrument.settle,
    mode: account.mode,
    account: account.name,
    family: account.family,
    side: flags.side,
    positionMode: flags['position-mode'] === 'hedge' ? 'hedge' : 'one_way',
    marginMode: flags['margin-mode'],
    leverage: flags.leverage ?? GRID_DEFAULTS.leverage,
    settings: plain(settings),
    deposit,
    compounds: flags.compound,
    restart: flags.restart === undefined ? RESTART : flags.restart / 1_000,
    limits: limitsOf(flags, terms, maxDeposit),
    onHalt: flags['on-halt'] ?? 'keep',
    exchangeStop: flags['exchange-stop'],
    window: account.window,
    batch: Math.min(BATCH, account.batch),
  };
}

function limitsOf(flags: ConfigFlags, { instrument }: TradingTerms, maxDeposit: string): SafetyLimits {
  return {
    maxDeposit,
    maxLoss: flags['max-loss'],
    maxOrders: flags['max-orders'] ?? instrument.maxOrders ?? MOST_ORDERS,
    maxCycles: flags['max-cycles'],
    maxCyclesPerHour: flags['max-cycles-per-hour'] ?? CYCLES_PER_HOUR,
    maxDrawdown: flags['max-drawdown']?.toString(),
  };
}

function gridInput(flags: ConfigFlags, terms: TradingTerms): GridInput {
  return buildGridInput(
    {
      ...flags,
      store: '',
      market: undefined,
      price: undefined,
      filled: undefined,
      solve: undefined,
      stress: undefined,
      interval: undefined,
      since: undefined,
      until: undefined,
    } as Parameters<typeof buildGridInput>[0],
    terms,
  );
}

/** What a run can trade: linear perpetuals that trade and go on trading. */
function refuseInstrument({ instrument }: TradingTerms): void {
  const { symbol, market, kind } = instrument;
  if (market !== 'linear' || kind !== 'perpetual')
    throw new UsageError(`${symbol} is not a linear perpetual: grid run trades those only`);
  const refusal = refusalOf(instrument);
  if (refusal) throw new UsageError(refusal);
}

/** Returns why no cycle may begin on an instrument, undefined when one may. */
export function refusalOf({ symbol, status, expiryTimestamp }: TradingTerms['instrument']): string | undefined {
  if (status !== 'trading') return `${symbol} is not trading (status ${status})`;
  if (expiryTimestamp !== undefined && expiryTimestamp < Date.now() * 1_000 + WEEK) return `${symbol} expires within 7 days`;
  return undefined;
}

/** Plans at the current price as `grid plan` does. Returns warnings; throws a `LimitError` where the plan is not safe. */
export function checkPlan(config: RunConfig, terms: TradingTerms, isAccepted: boolean): readonly string[] {
  const price = terms.lastPrice?.price;
  if (price === undefined) throw new UsageError(`the last price of ${config.symbol} is not known`);
  const plan = planGrid({ ...config.settings, price, deposit: config.deposit });
  const reason = plan.firstUnsafe?.explanation;
  if (reason !== undefined && !isAccepted)
    throw new LimitError(`the plan is not safe: ${reason}; change it, or --accept-unsafe-plan`);
  const stop = checkStop(config, terms, plan);
  return [...plan.warnings, ...stop, ...(reason === undefined ? [] : [`the plan is not safe: ${reason}`])];
}

/** Throws a `UsageError` where the exchange's stop would close the position before its ladder ends; warns where it is too late. */
function checkStop(config: RunConfig, terms: TradingTerms, { levels }: Plan): string[] {
  const prices = levels.map(({ order }) => ({ price: order.price.toString(), amount: order.amount.toString() }));
  const ladder = { price: prices[0]?.price ?? '0', deposit: config.deposit, at: 0 };
  const planned = { rules: rulesOf(config, terms), plan: { ...ladder, levels: prices } };
  const refusal = stopRefusal(planned, config);
  if (refusal) throw new UsageError(`--exchange-stop: ${refusal}`);
  const stop = stopPrice(planned, config);
  const liquidation = levels.at(-1)?.liquidationPrice;
  if (stop === undefined || liquidation === undefined) return [];
  const isLate = config.side === 'long' ? stop.lte(liquidation) : stop.gte(liquidation);
  return isLate
    ? [`the exchange stop at ${stop} is beyond the liquidation of the whole ladder at ${liquidation}: it comes too late`]
    : [];
}

function plain<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
