import { UsageError } from '../model/errors.js';
import type { GridLevel, GridPlan } from '../model/records.js';
import type { Exact } from '../model/ticks.js';
import type { ExactTier } from './parameters.js';
import type { Holding, Plan, PlannedLevel } from './planned.js';
import { directionOf } from './position.js';
import type { Candidate, Solution } from './solve.js';
import type { StressReport } from './stress.js';

/** Symbol and time of a plan; a plan from flags alone has no exchange. */
type PlanIdentity = {
  readonly timestamp: number;
  readonly exchange?: string | undefined;
  readonly market?: string | undefined;
  readonly symbol?: string | undefined;
};

/** Returns the `grid_level` records of a plan, level 0 first. Decimals become numbers, fractions become per cent. */
export function levelRecords(plan: Plan, identity: PlanIdentity): GridLevel[] {
  return plan.levels.map((level) => levelRecord(level, plan, identity));
}

function levelRecord(level: PlannedLevel, { grid }: Plan, identity: PlanIdentity): GridLevel {
  return {
    type: 'grid_level',
    ...identity,
    level: level.level,
    kind: level.level === 0 ? 'market' : 'limit',
    side: directionOf(grid.side) > 0 ? 'buy' : 'sell',
    price: level.order.price.toNumber(),
    amount: level.order.amount.toNumber(),
    notional: level.notional.toNumber(),
    ...holdingFields(level, grid.deposit),
    distanceToNextPct: percent(level.distanceToNext),
    status: statusOf(level.reasons),
  };
}

function statusOf(reasons: readonly string[]): string {
  return reasons.join('; ') || 'ok';
}

function holdingFields(holding: Holding, deposit: Exact) {
  return {
    cumulativeAmount: holding.position.amount.toNumber(),
    averagePrice: holding.averagePrice?.toNumber(),
    breakEvenPrice: holding.breakEvenPrice?.toNumber(),
    takeProfitPrice: holding.takeProfitPrice?.toNumber(),
    profit: holding.profit?.toNumber(),
    returnPct: percent(holding.profit?.div(deposit)),
    margin: holding.margin.toNumber(),
    liquidationPrice: holding.liquidationPrice?.toNumber(),
  };
}

/** Returns the `grid_plan` record: every parameter and the summary. `detail` is added to its warnings. */
export function planRecord(plan: Plan, identity: PlanIdentity, detail: Readonly<Record<string, unknown>> = {}): GridPlan {
  const details = { ...(plan.warnings.length > 0 && { warnings: plan.warnings }), ...unsafeDetail(plan), ...detail };
  return {
    type: 'grid_plan',
    ...identity,
    ...parameterFields(plan),
    ...summaryFields(plan),
    detail: Object.keys(details).length > 0 ? details : undefined,
  };
}

function unsafeDetail({ firstUnsafe }: Plan): { reason?: string } {
  return firstUnsafe?.explanation === undefined ? {} : { reason: firstUnsafe.explanation };
}

function parameterFields({ grid }: Plan) {
  const { limits } = grid;
  return {
    side: grid.side,
    price: grid.price.toNumber(),
    deposit: grid.deposit.toNumber(),
    leverage: grid.leverage.toNumber(),
    levels: grid.levels,
    coveragePct: grid.coverage.times(100).toNumber(),
    multiplier: grid.multiplier.toNumber(),
    takeProfitPct: grid.takeProfit.times(100).toNumber(),
    spacing: grid.spacing,
    distancesPct: grid.distances?.map((distance) => distance.times(100).toNumber()),
    sizing: grid.sizing,
    marginMode: grid.marginMode,
    tickSize: limits.tickSize?.toNumber(),
    lotSize: limits.lotSize?.toNumber(),
    minAmount: limits.minAmount?.toNumber(),
    maxAmount: limits.maxAmount?.toNumber(),
    minNotional: limits.minNotional?.toNumber(),
    maxLeverage: limits.maxLeverage?.toNumber(),
    maxOrders: limits.maxOrders,
    priceBandUp: limits.priceBandUp?.toNumber(),
    priceBandDown: limits.priceBandDown?.toNumber(),
    ...(grid.tiered ? { maintenanceTiers: grid.tiers.map(tierFields) } : { maintenanceRate: grid.tiers[0]?.rate.toNumber() }),
    makerFee: grid.makerFee.toNumber(),
    takerFee: grid.takerFee.toNumber(),
  };
}

function tierFields(tier: ExactTier) {
  return {
    up_to: tier.upTo?.toNumber(),
    rate: tier.rate.toNumber(),
    deduction: tier.deduction.toNumber(),
    max_leverage: tier.maxLeverage?.toNumber(),
  };
}

function summaryFields(plan: Plan) {
  const last = plan.levels.at(-1);
  return {
    multiplierSum: plan.multiplierSum.toNumber(),
    baseAmount: plan.baseAmount.toNumber(),
    committedNotional: plan.committed.toNumber(),
    budgetNotional: plan.budget.toNumber(),
    utilisationPct: plan.committed.div(plan.budget).times(100).toNumber(),
    marginRequired: plan.marginRequired.toNumber(),
    entryFees: last?.position.fees.toNumber(),
    worstLoss: plan.worstLoss.toNumber(),
    reboundPct: percent(plan.rebound),
    liquidationPrice: last?.liquidationPrice?.toNumber(),
    firstUnsafeLevel: plan.firstUnsafe?.level,
  };
}

function percent(fraction: Exact | undefined): number | undefined {
  return fraction?.times(100).toNumber();
}

/** Returns `detail.filled`: the position after the first `count` levels. Throws a `UsageError` if there are fewer. */
export function filledDetail({ levels, grid }: Plan, count: number) {
  const level = levels[count - 1];
  if (level === undefined) throw new UsageError(`filled: expected 1 to ${levels.length} levels, was ${count}`);
  return { levels: count, ...snakeCased(holdingFields(level, grid.deposit)) };
}

/** Returns `detail.solve`: the limit and the plan one step beyond it. Coverage in per cent. */
export function solutionDetail(solution: Solution) {
  const { parameter, limit, beyond } = solution;
  const scale = parameter === 'coverage' ? 100 : 1;
  const scaled = (value: Exact) => value.times(scale).toNumber();
  return {
    parameter,
    step: scaled(solution.step),
    searched: [scaled(solution.from), scaled(solution.until)],
    limit: limit && scaled(limit.value),
    beyond: beyond && { value: scaled(beyond.value), ...proofOf(beyond) },
  };
}

function proofOf({ plan, problem }: Candidate) {
  return {
    first_unsafe_level: plan?.firstUnsafe?.level,
    reason: problem ?? plan?.firstUnsafe?.explanation,
    levels: plan?.levels.map(({ level, order, liquidationPrice, reasons }) => ({
      level,
      price: order.price.toNumber(),
      amount: order.amount.toNumber(),
      liquidation_price: liquidationPrice?.toNumber(),
      status: statusOf(reasons),
    })),
  };
}

/** Returns `detail.stress`. */
export function stressDetail(report: StressReport): Readonly<Record<string, unknown>> {
  return snakeCased(report);
}

/** Renames keys at every depth, `underWaterSeconds` → `under_water_seconds`, like record columns. */
function snakeCased(value: object): Record<string, unknown> {
  const entries = Object.entries(value).map(([name, inner]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? snakeCased(inner) : inner,
  ]);
  return Object.fromEntries(entries);
}
