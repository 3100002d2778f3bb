import type { Funding } from '../../model/records.js';
import { MINUTE } from '../../model/time.js';
import type { Series } from '../market-data.js';

/** When funding is charged and at what rate. */
export type FundingCharges = {
  readonly series: Series;
  /** Charges whose rate was the last one told before, not one that was settled. */
  readonly estimated: number;
};

/** A settled row stands for the charge that was announced within this distance of it. */
const SAME = MINUTE;

/**
 * Returns the charges that funding rows tell of, up to the end of the data: the settled ones at their times; where none is,
 * the last rate that was told before `next_funding_timestamp`, charged then.
 */
export function fundingCharges(rows: readonly Funding[], end: number): FundingCharges {
  const inOrder = [...rows].sort((a, b) => a.timestamp - b.timestamp);
  const settled = new Map(inOrder.filter(({ settled }) => settled === true).map(({ timestamp, rate }) => [timestamp, rate]));
  const announced = new Map<number, number>();
  for (const { settled, timestamp, nextFundingTimestamp: next, rate } of inOrder)
    if (settled !== true && next !== undefined && timestamp < next) announced.set(next, rate);
  const times = [...settled.keys()];
  const estimated = [...announced].filter(([time]) => time < end && !times.some((other) => Math.abs(other - time) <= SAME));
  const charges = [...settled, ...estimated].filter(([time]) => time < end).sort(([a], [b]) => a - b);
  return {
    series: { time: Float64Array.from(charges, ([time]) => time), value: Float64Array.from(charges, ([, rate]) => rate) },
    estimated: estimated.length,
  };
}
