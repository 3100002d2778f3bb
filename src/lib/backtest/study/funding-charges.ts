import type { Funding } from '../../model/records.js';
import { MINUTE } from '../../model/time.js';
import type { TimedValues } from '../market-data.js';

/** Funding charges: times and rates. */
type FundingCharges = {
  readonly series: TimedValues;
  /** Number of charges that use the last announced rate because no settled rate is known. */
  readonly estimated: number;
};

/** A settled row replaces an announced charge within this distance. */
const SAME = MINUTE;

/**
 * Returns the funding charges before the end of the data. Settled rates are charged at their times. Where a settled rate is
 * missing, the last rate announced before `next_funding_timestamp` is charged at that time.
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
