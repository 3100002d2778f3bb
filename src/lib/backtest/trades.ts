import type { Execution, FundingCharge } from './ledger.js';
import type { PositionSide, Reason } from './orders.js';

/** A position from its first fill until it is closed. */
export type RoundTrip = {
  readonly position: PositionSide;
  readonly from: number;
  readonly until: number;
  readonly fills: number;
  readonly realized: number;
  readonly fees: number;
  readonly funding: number;
  /** realized − fees + funding. */
  readonly net: number;
  /** Reason of the closing fill. */
  readonly reason: Reason;
};

type Open = { from: number; fills: number; realized: number; fees: number; funding: number };

/** Returns the closed positions in order of closing; open positions are not included. */
export function roundTrips(fills: readonly Execution[], fundings: readonly FundingCharge[]): RoundTrip[] {
  const trips: RoundTrip[] = [];
  const open = new Map<PositionSide, Open>();
  let nextFunding = 0;
  for (const fill of fills) {
    for (let charge = fundings[nextFunding]; charge && charge.time <= fill.time; charge = fundings[++nextFunding]) {
      const held = open.get(charge.position);
      if (held) held.funding += charge.amount;
    }
    const trip = open.get(fill.position) ?? { from: fill.time, fills: 0, realized: 0, fees: 0, funding: 0 };
    open.set(fill.position, trip);
    trip.fills++;
    trip.realized += fill.realized;
    trip.fees += fill.fee;
    if (fill.held !== 0) continue;
    open.delete(fill.position);
    const net = trip.realized - trip.fees + trip.funding;
    trips.push({ position: fill.position, until: fill.time, reason: fill.reason, net, ...trip });
  }
  return trips;
}
