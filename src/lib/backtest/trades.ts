import type { Execution, FundingCharge } from './ledger.js';
import type { PositionSide, Reason } from './orders.js';

/** A position from its first fill until it is closed. */
export type RoundTrip = {
  readonly position: PositionSide;
  readonly from: number;
  readonly until: number;
  readonly fills: number;
  /** Base units that were opened, all entries together. */
  readonly amount: number;
  /** Mean price of its opening fills, and of its closing fills. */
  readonly entry: number;
  readonly exit: number;
  readonly realized: number;
  readonly fees: number;
  readonly funding: number;
  /** realized − fees + funding. */
  readonly net: number;
  /** Reason of the closing fill. */
  readonly reason: Reason;
};

type Open = { from: number; fills: number; realized: number; fees: number; funding: number; opened: Sum; closed: Sum };

/** Amount and value of the fills of one direction: opening, or closing. */
type Sum = { amount: number; value: number };

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
    const trip = open.get(fill.position) ?? begun(fill.time);
    open.set(fill.position, trip);
    const sum = fill.opens ? trip.opened : trip.closed;
    sum.amount += fill.amount;
    sum.value += fill.amount * fill.price;
    trip.fills++;
    trip.realized += fill.realized;
    trip.fees += fill.fee;
    if (fill.held !== 0) continue;
    open.delete(fill.position);
    trips.push(closed(trip, fill));
  }
  return trips;
}

function begun(from: number): Open {
  return { from, fills: 0, realized: 0, fees: 0, funding: 0, opened: { amount: 0, value: 0 }, closed: { amount: 0, value: 0 } };
}

function closed(trip: Open, { position, time, reason }: Execution): RoundTrip {
  const { from, fills, realized, fees, funding, opened, closed: left } = trip;
  const net = realized - fees + funding;
  const [entry, exit] = [opened.value / opened.amount, left.value / left.amount];
  return { position, until: time, reason, net, amount: opened.amount, entry, exit, from, fills, realized, fees, funding };
}
