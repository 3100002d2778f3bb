import { type PaperOptions, type PaperResult, PaperRun } from '../backtest/paper-run.js';
import { fillRecord } from '../backtest/study/execute.js';
import { FeatureEngine } from '../features/engine.js';
import type { EngineCounts, EngineOptions } from '../features/options.js';
import type { SymbolWarmUp } from '../features/symbol-series.js';
import type { AnyRecord, RecordOf, Trade } from '../model/records.js';
import { type Series, seriesKey } from '../model/series.js';
import { type GeneratorCounts, type GeneratorOptions, type Rejection, SignalGenerator } from '../signals/generator.js';
import { hashOfSignal } from '../signals/store/signal-run.js';

type FeatureRow = RecordOf<'features'>;

export type WatchOptions = {
  readonly engine: EngineOptions;
  readonly rules: GeneratorOptions['rules'];
  readonly rejected?: ((rejection: Rejection) => void) | undefined;
  /** Returns what a symbol is traded with on paper, undefined for one that is not. */
  readonly paper: (series: Series) => Omit<PaperOptions, keyof Series> | undefined;
};

/** What is known of one symbol. */
export type WatchedSymbol = Series & {
  /** Its last row. */
  readonly row: FeatureRow;
  readonly warmUp: SymbolWarmUp | undefined;
  /** What its signals have earned, undefined for a symbol that is not traded on paper. */
  readonly paper: PaperResult | undefined;
};

type State = {
  readonly series: Series;
  row: FeatureRow | undefined;
  readonly paper: PaperRun | undefined;
  fills: number;
  /** Differs between two watches: fills are numbered from 0 in each, and in one store one would take the place of the other. */
  runId: string;
};

/**
 * The steps from a market to its signals and what they earn, in one: the engine of `features`, the generator of `signals`
 * and the session of `backtest`, each fed with what the one before returns. It knows time from its records alone.
 */
export class Watch {
  readonly #options: WatchOptions;
  readonly #engine: FeatureEngine;
  readonly #generator: SignalGenerator;
  readonly #symbols = new Map<string, State>();

  constructor(options: WatchOptions) {
    const { rules, rejected } = options;
    this.#options = options;
    this.#engine = new FeatureEngine(options.engine);
    this.#generator = new SignalGenerator({ rules, rejected, hash: hashOfSignal });
  }

  get counts(): EngineCounts & GeneratorCounts {
    return { ...this.#engine.counts, ...this.#generator.counts };
  }

  /** Trades that arrived too late to be matched on paper. */
  get lateTrades(): number {
    return [...this.#symbols.values()].reduce((sum, { paper }) => sum + (paper?.late ?? 0), 0);
  }

  /** Returns what follows from a record: rows, signals and paper fills; `gap` and `clock` pass through. */
  add(record: AnyRecord): AnyRecord[] {
    this.#toPaper(record);
    return this.#through(this.#engine.add(record));
  }

  /** Returns what is left at the end of the input. */
  finish(): AnyRecord[] {
    const last = this.#through(this.#engine.finish());
    const fills = [...this.#symbols.values()].flatMap((state) => this.#release(state, Number.MAX_SAFE_INTEGER));
    return [...last, ...fills];
  }

  /** Returns every symbol that has rows, in order of its name. */
  symbols(): WatchedSymbol[] {
    const warmUps = new Map(this.#engine.warmUp().map((warmUp) => [seriesKey(warmUp), warmUp]));
    return [...this.#symbols]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, { series, row, paper }]) =>
        row ? [{ ...series, row, warmUp: warmUps.get(key), paper: paper?.result }] : [],
      );
  }

  #through(rows: Iterable<AnyRecord>): AnyRecord[] {
    const out: AnyRecord[] = [];
    for (const row of rows) {
      out.push(row);
      if (row.type !== 'features') continue;
      const state = this.#state(row);
      if (!state.row || row.timestamp >= state.row.timestamp) state.row = row;
      for (const signal of this.#generator.add(row)) {
        if (signal.type === 'signal') state.paper?.addSignal(signal);
        out.push(signal);
      }
      // No later row is known before its end and the grace.
      out.push(...this.#release(state, row.timestamp + this.#options.engine.grace));
    }
    return out;
  }

  #toPaper(record: AnyRecord): void {
    if (record.type === 'trade') this.#trade(record);
    else if (record.type === 'mark_price') this.#state(record).paper?.addMark(record.timestamp, record.mark);
    else if (record.type === 'funding') this.#state(record).paper?.addFunding(record);
  }

  #trade(trade: Trade): void {
    const state = this.#state(trade);
    state.runId ||= hashOfSignal(`watch ${seriesKey(state.series)} ${trade.localTimestamp ?? trade.timestamp} ${trade.id}`);
    state.paper?.addTrade(trade);
  }

  #release(state: State, until: number): AnyRecord[] {
    const { series, paper, runId } = state;
    return (paper?.release(until) ?? []).map((fill) => fillRecord(fill, state.fills++, series, runId));
  }

  #state({ exchange, market, symbol }: Series): State {
    const series = { exchange, market, symbol };
    const key = seriesKey(series);
    let state = this.#symbols.get(key);
    if (state === undefined) {
      const terms = this.#options.paper(series);
      state = { series, row: undefined, paper: terms && new PaperRun({ ...series, ...terms }), fills: 0, runId: '' };
      this.#symbols.set(key, state);
    }
    return state;
  }
}
