type Side = Map<number, readonly string[]>;

/** An order book written in the plainest way, to hold the real one against. */
export class PlainBook {
  readonly #sides: readonly [Side, Side] = [new Map(), new Map()];

  apply(bids: readonly string[][], asks: readonly string[][]): void {
    for (const [side, levels] of [bids, asks].entries()) {
      for (const level of levels) {
        if (Number(level[1]) === 0) this.#sides[side]?.delete(Number(level[0]));
        else this.#sides[side]?.set(Number(level[0]), level);
      }
    }
  }

  /** Returns the best `depth` levels of both sides as JSON text. */
  top(depth: number): string {
    const bids = [...this.#sides[0]].sort(([a], [b]) => b - a);
    const asks = [...this.#sides[1]].sort(([a], [b]) => a - b);
    return JSON.stringify([bids, asks].map((side) => side.slice(0, depth).map(([, level]) => level.map(Number))));
  }
}
