import { FailureError } from '../../model/errors.js';
import type { MaintenanceTier } from '../../model/maintenance-tier.js';
import { excerpt } from '../../model/ndjson.js';
import { finite, positive } from '../../model/numbers.js';
import type { Market } from '../../model/records.js';
import { Exact } from '../../model/ticks.js';
import type { HttpRequest, TierPage } from '../exchange.js';
import { type Fields, filled, isFields } from './fields.js';
import { parseResult } from './rest-answers.js';

const PATH = '/v5/market/risk-limit';

/** How far initialMargin × maxLeverage may lie from 1 or 100: both are rounded (33.33× and 0.03). */
const TOLERANCE = 0.05;

/** Returns `GET /v5/market/risk-limit` for a contract; spot has no tiers. */
export function tierRequest(market: Market, symbol: string): HttpRequest | undefined {
  return market === 'spot' ? undefined : { path: PATH, query: { category: market, symbol } };
}

/**
 * Maps `riskLimitValue` (upper bound of the position's value), `maintenanceMargin`, `mmDeduction` and `maxLeverage`.
 *
 * Today's answers have margins as rates ("0.005"), the older samples of the documentation as percentages ("0.5"), and their
 * size does not decide: half a rate and half a percent are both tiers. The initial margin does, which is
 * 1 / maxLeverage: their product is 1 for rates and 100 for percentages. Where it is neither, the answer is refused, as a
 * liquidation price that is wrong by a factor of 100 is worse than none. An empty `mmDeduction` (every
 * first tier, all of some tables) is 0, the careful side.
 */
export function parseTiers(request: HttpRequest, body: string): TierPage {
  const result = parseResult(request, body, 'risk limits');
  if (!Array.isArray(result.list)) throw new FailureError('bybit risk limits: expected a list, was none: try again later');
  const rows = result.list.filter((row) => isFields(row) && row.symbol === request.query.symbol) as Fields[];
  if (rows.length === 0) throw new FailureError(`bybit risk limits: expected tiers of ${request.query.symbol}, found none`);
  const tiers = rows.map(parseTier).sort((a, b) => a.upTo - b.upTo);
  const same = tiers.find(({ upTo }, index) => upTo === tiers[index + 1]?.upTo);
  if (same !== undefined) throw new FailureError(`bybit risk limits: expected one tier up to ${same.upTo}, found two`);
  const cursor = filled(result.nextPageCursor);
  return {
    tiers,
    // Its fee to close is part of the margin and of the maintenance, and cancels.
    withClosingFee: false,
    notes: tiers.length > 1 && tiers.slice(1).every(({ deduction }) => deduction === 0) ? [WITHOUT_DEDUCTIONS] : [],
    next: cursor === undefined ? undefined : { path: PATH, query: { ...request.query, cursor } },
  };
}

const WITHOUT_DEDUCTIONS =
  'Bybit named no maintenance deductions, so the rate of a tier is applied to the whole position: larger positions are liquidated later than planned';

function parseTier(row: Fields): MaintenanceTier & { readonly upTo: number } {
  const upTo = positive(row.riskLimitValue);
  const maintenance = positive(row.maintenanceMargin);
  const initial = positive(row.initialMargin);
  const maxLeverage = positive(row.maxLeverage);
  const deduction = filled(row.mmDeduction) === undefined ? 0 : finite(row.mmDeduction);
  if (upTo === undefined || maintenance === undefined || maxLeverage === undefined || deduction === undefined || deduction < 0)
    throw new FailureError(
      `bybit risk limits: expected riskLimitValue, maintenanceMargin, mmDeduction and maxLeverage, was ${excerpt(row)}`,
    );
  const unit = initial === undefined ? undefined : unitOf(initial * maxLeverage);
  if (unit === undefined || maintenance >= (initial ?? 0))
    throw new FailureError(
      `bybit risk limits: unknown whether the margins of ${excerpt(row.symbol)} are rates or percentages: initialMargin ${excerpt(row.initialMargin)}, maintenanceMargin ${excerpt(row.maintenanceMargin)}, maxLeverage ${excerpt(row.maxLeverage)}`,
    );
  return { upTo, rate: new Exact(maintenance).div(unit).toNumber(), deduction, maxLeverage };
}

/** Returns what a margin has to be divided by to be a rate. */
function unitOf(product: number): 1 | 100 | undefined {
  return ([1, 100] as const).find((unit) => Math.abs(product / unit - 1) <= TOLERANCE);
}
