import type { Matching } from './matching.js';
import { executesOnFall, type Order, type PositionSide } from './orders.js';
import type { Path } from './terms.js';

/** The prices of one candle. */
type Bar = {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
};

const SIDES: readonly PositionSide[] = ['long', 'short'];

/**
 * Moves the price through a candle: open, one extreme, the other extreme, close. A candle does not record which extreme
 * was first, so the path is an assumption. `undecided` counts the candles whose fills may depend on it.
 *
 * A candle is undecided in two cases. It executed an order after its opening while orders below and above the market were
 * inside its range. Or its new extreme would have moved a trailing stop into its range. The count is an upper bound: if it
 * is zero, both paths give the same fills. Trailing stops follow completed candles. `worse` and `better` visit the adverse
 * or the favourable extreme first, separately for long and short.
 */
export class BarWalk {
  undecided = 0;
  /** Whether the price is inside a candle, after its opening. */
  isInside = false;
  readonly #matching: Matching;
  readonly #path: Path;
  #bar: Bar | undefined;
  #falls = false;
  #rises = false;
  #trails = false;

  constructor(matching: Matching, path: Path) {
    this.#matching = matching;
    this.#path = path;
  }

  /** Jumps from the previous price to the opening. */
  open(bar: Bar): void {
    const { open, volume } = bar;
    this.#matching.begin(volume);
    this.#matching.take(open);
    this.#matching.move({ to: open, passing: false, taker: undefined });
    this.#matching.observe(open);
    this.#bar = bar;
    this.#falls = false;
    this.#rises = false;
    this.#trails = false;
  }

  /** Walks the path from the opening to the close. */
  walk(bar: Bar): void {
    const { desk, account, ledger } = this.#matching;
    for (const order of desk.active) this.#observe(order);
    this.#falls ||= bar.low <= account.liquidationBelow;
    this.#rises ||= bar.high >= account.liquidationAbove;
    const before = ledger.fills.length;
    this.isInside = true;
    if (this.#path === 'worse' || this.#path === 'better') for (const side of SIDES) this.#walkSide(bar, side);
    else this.#legs(bar, this.#path === 'low-first');
    this.isInside = false;
    if (this.#trails || (this.#falls && this.#rises && ledger.fills.length > before)) this.undecided++;
    desk.follow(bar.low, bar.high);
  }

  /** Handles an order that becomes active inside the candle; executes it if the price is already beyond it. */
  arrived(order: Order): void {
    this.#observe(order);
    const { price } = this.#matching;
    const beyond = executesOnFall(order) ? price <= order.price : price >= order.price;
    if (order.kind === 'stop' && beyond) {
      order.takes = true;
      this.#matching.desk.pendingMarketOrders++;
    }
    if (order.takes) this.#matching.take(price);
  }

  #walkSide(bar: Bar, side: PositionSide): void {
    this.#matching.only = side;
    this.#matching.price = bar.open;
    this.#legs(bar, (side === 'long') === (this.#path === 'worse'));
    this.#matching.only = undefined;
  }

  #legs({ open, high, low, close }: Bar, lowFirst: boolean): void {
    const [first, second] = lowFirst ? [low, high] : [high, low];
    this.#leg(open, first);
    this.#matching.observe(first);
    this.#leg(first, second);
    this.#matching.observe(second);
    this.#leg(second, close);
  }

  #leg(from: number, to: number): void {
    if (!this.#matching.reaches(to)) {
      this.#matching.price = to;
      return;
    }
    this.#matching.path = { lowest: Math.min(from, to), highest: Math.max(from, to) };
    this.#matching.move({ to, passing: true, taker: undefined });
  }

  /** Records on which side of the market the candle reaches an order. */
  #observe(order: Order): void {
    const { high, low } = this.#bar as Bar;
    const trigger = this.#matching.desk.triggerOf(order);
    if (executesOnFall(order) ? low <= trigger : high >= trigger) {
      if (executesOnFall(order)) this.#falls = true;
      else this.#rises = true;
    }
    if (order.kind === 'trailing') this.#trails ||= wouldTrail(order, low, high);
  }
}

/** Returns whether one extreme of the candle moves the trigger so far that the other extreme reaches it. */
function wouldTrail({ side, armed, best, price, distance }: Order, low: number, high: number): boolean {
  if (side === 'sell') return high > (armed ? best : price) && low <= high * (1 - distance);
  return low < (armed ? best : price) && high >= low * (1 + distance);
}
