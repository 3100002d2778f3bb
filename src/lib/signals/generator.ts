import type { AnyRecord, RecordOf, Side } from '../model/records.js';
import { seriesKey } from '../model/series.js';
import { rejectingGates, type Verdicts, verdictsOf } from './gates.js';
import { riskOf } from './risk.js';
import type { Gate, SignalRules } from './rules.js';
import { triggeredSide, valueOfTrigger } from './triggers.js';

type FeatureRow = RecordOf<'features'>;
type Signal = RecordOf<'signal'>;

/** The reason why fired triggers made no signal: a gate, the cooldown, or no price or volatility to plan with. */
export type RejectionReason = Gate | 'cooldown' | 'price';

/** A row whose triggers fired without a signal. */
export type Rejection = {
  readonly row: FeatureRow;
  readonly side: Side;
  readonly reasons: readonly RejectionReason[];
  readonly gates: Verdicts;
};

export type GeneratorOptions = {
  /** The rules of a symbol. */
  readonly rules: (row: SymbolName) => SignalRules;
  /** Returns a short stable hash of a text. */
  readonly hash: (text: string) => string;
  /** Receives every rejection. */
  readonly rejected?: ((rejection: Rejection) => void) | undefined;
};

export type GeneratorCounts = {
  rows: number;
  again: number;
  triggered: number;
  signals: number;
  /** Features of the triggers that no row had so far. */
  absent: Set<string>;
};

type SymbolName = { readonly exchange: string; readonly market: string; readonly symbol: string };

/** Progress of a symbol: the last judged time, the rules, and the times of its last signals; microseconds. */
export type SymbolProgress = SymbolName & {
  readonly rules: string;
  readonly last: number;
  readonly buy: number | undefined;
  readonly sell: number | undefined;
};

type SymbolState = {
  readonly name: SymbolName;
  readonly rules: SignalRules;
  readonly configuration: string;
  last: number;
  /** Time of the last signal, by side. */
  readonly signals: Record<Side, number | undefined>;
};

/**
 * Turns `features` into `signal` records: gates, triggers, cooldown, risk, in this order. A row that is emitted again,
 * because a gap became known, is not judged again. `gap` and `clock` pass through.
 */
export class SignalGenerator {
  readonly counts: GeneratorCounts = { rows: 0, again: 0, triggered: 0, signals: 0, absent: new Set() };
  /** Features of the user's that a row had. */
  readonly #present = new Set<string>();
  readonly #options: GeneratorOptions;
  readonly #symbols = new Map<string, SymbolState>();

  constructor(options: GeneratorOptions) {
    this.#options = options;
  }

  /** Returns the progress of every symbol. */
  progress(): SymbolProgress[] {
    return [...this.#symbols.values()].map(({ name, configuration, last, signals }) => {
      return { ...name, rules: this.#options.hash(configuration), last, buy: signals.buy, sell: signals.sell };
    });
  }

  /** Resumes an earlier run. Returns false, and starts from the beginning, when it used other rules. */
  resume(progress: readonly SymbolProgress[]): boolean {
    if (progress.some((known) => known.rules !== this.#options.hash(JSON.stringify(this.#options.rules(known))))) return false;
    for (const { last, buy, sell, ...name } of progress) {
      const state = this.#state(name);
      state.last = last;
      if (buy !== undefined) state.signals.buy = buy;
      if (sell !== undefined) state.signals.sell = sell;
    }
    return true;
  }

  /** Counts rows that trigger nothing and are judged without `add`; none of their times is there twice. */
  skip(rows: number): void {
    this.counts.rows += rows;
  }

  /** Returns the records that follow from a record: a signal, or the record itself when it passes through. */
  add(record: AnyRecord): readonly AnyRecord[] {
    if (record.type === 'gap' || record.type === 'clock') return [record];
    if (record.type === 'signal') this.#remember(record);
    if (record.type !== 'features') return [];
    const signal = this.#row(record);
    return signal ? [signal] : [];
  }

  /** A signal of an earlier run still starts a cooldown. */
  #remember(signal: Signal): void {
    const state = this.#state(signal);
    state.signals[signal.side] = Math.max(state.signals[signal.side] ?? 0, signal.timestamp);
  }

  #row(row: FeatureRow): Signal | undefined {
    const state = this.#state(row);
    if (row.timestamp <= state.last) {
      this.counts.again += 1;
      return undefined;
    }
    state.last = row.timestamp;
    this.counts.rows += 1;
    for (const { feature } of state.rules.triggers ?? []) this.#see(feature, row);
    const side = triggeredSide(row, state.rules);
    if (side === undefined) return undefined;
    this.counts.triggered += 1;
    return this.#decide(row, side, state);
  }

  /** A name that no row has would never trigger, without a word. */
  #see(feature: string, row: FeatureRow): void {
    if (this.#present.has(feature)) return;
    if (valueOfTrigger(row, feature) === undefined) this.counts.absent.add(feature);
    else {
      this.#present.add(feature);
      this.counts.absent.delete(feature);
    }
  }

  #decide(row: FeatureRow, side: Side, state: SymbolState): Signal | undefined {
    const { close: price, atr15mPct: atr } = row;
    const gates = verdictsOf(row, state.rules);
    const reasons: RejectionReason[] = rejectingGates(gates);
    const before = state.signals[side];
    if (before !== undefined && row.timestamp - before < state.rules.cooldown) reasons.push('cooldown');
    if (price === undefined || atr === undefined) reasons.push('price');
    if (reasons.length > 0 || price === undefined || atr === undefined) {
      this.#options.rejected?.({ row, side, reasons, gates });
      return undefined;
    }
    state.signals[side] = row.timestamp;
    this.counts.signals += 1;
    return signalOf(row, side, gates, this.#id(row, side, state), price, riskOf(side, price, atr / 100, state.rules));
  }

  #id({ exchange, market, symbol, timestamp }: FeatureRow, side: Side, { configuration }: SymbolState): string {
    return this.#options.hash([exchange, market, symbol, timestamp, side, configuration].join(' '));
  }

  #state(row: SymbolName): SymbolState {
    const key = seriesKey(row);
    let state = this.#symbols.get(key);
    if (state === undefined) {
      const rules = this.#options.rules(row);
      const name = { exchange: row.exchange, market: row.market, symbol: row.symbol };
      state = { name, rules, configuration: JSON.stringify(rules), last: 0, signals: { buy: undefined, sell: undefined } };
      this.#symbols.set(key, state);
    }
    return state;
  }
}

function signalOf(
  row: FeatureRow,
  side: Side,
  gates: Verdicts,
  id: string,
  price: number,
  risk: ReturnType<typeof riskOf>,
): Signal {
  const { type, warm, gapInWindow, ageMs, detail, ...evidence } = row;
  return { type: 'signal', ...evidence, id, side, price, ...risk, gates };
}
