import { type MarketName, marketKey } from './series.js';

/** State of one symbol that has records to emit when the market clock reaches `due`. */
type DueSeries<Output> = {
  readonly due: number;
  close(now: number): Iterable<Output>;
  /** As `close`, all at once in an array of the caller's; undefined where there may be many. */
  closeFew?(now: number): Output[] | undefined;
};

/**
 * The series of one market and its clock: the latest `clock` record, else the latest arrival. `due` is the earliest `due` of
 * its series, so that a record costs one comparison and not a look at every symbol.
 */
export class MarketSeries<Output, Series extends DueSeries<Output>> {
  readonly series = new Map<string, Series>();
  #clock: number | undefined;
  #arrival = 0;
  #due = Number.POSITIVE_INFINITY;

  /** The market clock, microseconds. */
  get now(): number {
    return this.#clock ?? this.#arrival;
  }

  /** Whether `close` has records to emit. */
  get isDue(): boolean {
    return (this.#clock ?? this.#arrival) >= this.#due;
  }

  /** Whether a `clock` record was seen: then arrivals do not count. */
  get hasClock(): boolean {
    return this.#clock !== undefined;
  }

  /** Takes the time of a `clock` record. */
  setClock(time: number): void {
    if (this.#clock === undefined || time > this.#clock) this.#clock = time;
  }

  /** Takes an arrival. */
  arrive(time: number): void {
    if (time > this.#arrival) this.#arrival = time;
  }

  /** Takes the `due` of a series that changed. */
  schedule({ due }: Series): void {
    if (due < this.#due) this.#due = due;
  }

  /** Returns the records of every series that is due: read them all before anything else is added. */
  close(): Iterable<Output> {
    const { now } = this;
    this.#due = Number.POSITIVE_INFINITY;
    let few: Output[] | undefined;
    const all = this.series.values();
    // Most often there are one or two: generators for them would cost more than the records.
    for (let next = all.next(); !next.done; next = all.next()) {
      const series = next.value;
      if (series.due <= now) {
        const records = series.closeFew?.(now);
        if (!records) return this.#closeRest(few ?? [], series, all);
        if (few === undefined) few = records;
        else for (const record of records) few.push(record);
      }
      this.schedule(series);
    }
    return few ?? [];
  }

  *#closeRest(before: readonly Output[], first: Series, others: IterableIterator<Series>): Generator<Output> {
    const { now } = this;
    yield* before;
    yield* first.close(now);
    this.schedule(first);
    for (const series of others) {
      if (series.due <= now) yield* series.close(now);
      this.schedule(series);
    }
  }
}

/** Returns the entry of a record's market in `markets`, created on its first record. */
export function marketOf<State>(markets: Map<string, State>, identity: MarketName, create: () => State): State {
  const key = marketKey(identity);
  let state = markets.get(key);
  if (state === undefined) {
    state = create();
    markets.set(key, state);
  }
  return state;
}
