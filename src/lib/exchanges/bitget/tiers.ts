import { FailureError } from '../../model/errors.js';
import type { MaintenanceTier } from '../../model/maintenance-tier.js';
import { excerpt } from '../../model/ndjson.js';
import { finite, positive } from '../../model/numbers.js';
import type { Market } from '../../model/records.js';
import type { HttpRequest, TierPage } from '../exchange.js';
import { isFields } from './fields.js';
import { productOfSymbol } from './names.js';
import { describe, parseRows } from './rest-answers.js';

const PATH = '/api/v2/mix/market/query-position-lever';

type Row = MaintenanceTier & { readonly from: number; readonly upTo: number };

/** Returns `GET /api/v2/mix/market/query-position-lever` for a contract; spot has no tiers. */
export function tierRequest(market: Market, symbol: string): HttpRequest | undefined {
  if (market === 'spot') return undefined;
  return { path: PATH, query: { symbol, productType: productOfSymbol(symbol, market).instType } };
}

const NOTE =
  'Bitget publishes no maintenance deductions, so the rate of a tier is applied to the whole position: those above the first tier are liquidated later than planned';

/**
 * Maps its rows `startUnit`, `endUnit` (bounds of the position's value), `leverage` (the largest) and `keepMarginRate`.
 * Bitget has no deduction: the rate of a tier applies to the whole position. A table with a missing range, a tier out of order, or a
 * rate that is not below 1 / leverage (a percentage would not be) is refused: a plan on half of it would be wrong. The
 * exchange's estimate (support article 12560603808759) adds the taker fee to the rate.
 */
export function parseTiers(request: HttpRequest, body: string): TierPage {
  const what = describe(request);
  const rows = parseRows(body, what)
    .map((row) => parseTier(row, what))
    .sort((a, b) => a.from - b.from);
  if (rows.length === 0) throw new FailureError(`${what}: expected tiers, found none`);
  let bound = 0;
  for (const { from, upTo } of rows) {
    if (Math.abs(from - bound) > 1 || upTo <= from)
      throw new FailureError(`${what}: expected a tier from ${bound} on, was one from ${from} to ${upTo}`);
    bound = upTo;
  }
  return {
    tiers: rows.map(({ upTo, rate, deduction, maxLeverage }) => ({ upTo, rate, deduction, maxLeverage })),
    withClosingFee: true,
    notes: [NOTE],
  };
}

function parseTier(row: unknown, what: string): Row {
  if (!isFields(row)) throw new FailureError(`${what}: expected a tier, was ${excerpt(row)}`);
  const from = finite(row.startUnit);
  const upTo = positive(row.endUnit);
  const maxLeverage = positive(row.leverage);
  const rate = positive(row.keepMarginRate);
  if (from === undefined || upTo === undefined || maxLeverage === undefined || rate === undefined)
    throw new FailureError(`${what}: expected startUnit, endUnit, leverage and keepMarginRate, was ${excerpt(row)}`);
  if (rate * maxLeverage >= 1)
    throw new FailureError(`${what}: expected keepMarginRate to be a fraction below 1 / ${maxLeverage}, was ${rate}`);
  return { from, upTo, rate, deduction: 0, maxLeverage };
}
