/**
 * mdtool as a library: the records and their schema, the exchanges, the order book, the capture that every step shares,
 * the store, candles, features, signals, grids and backtests. Everything here is what the commands themselves use.
 */
export { runBacktest } from './lib/backtest/engine.js';
export type { Execution } from './lib/backtest/ledger.js';
export type { Bars as StrategyBars, MarketData } from './lib/backtest/market-data.js';
export type { Order, OrderRequest } from './lib/backtest/orders.js';
export type { Outcome } from './lib/backtest/outcome.js';
export type { BarEvent, Broker, Strategy, TradeEvent } from './lib/backtest/strategy.js';
export type { ModuleParameters, StrategyModule } from './lib/backtest/study/strategy-module.js';
export { buildTerms as termsOf, type ExecutionTerms as Terms } from './lib/backtest/terms.js';
export { BookKeeper, type BookKeeperOptions } from './lib/book/book-keeper.js';
export { OrderBook } from './lib/book/order-book.js';
export { CandleAggregator } from './lib/candles/aggregator.js';
export type { CandleCounts, CandleOptions } from './lib/candles/options.js';
export { openReplay, type Replay, type ReplayOptions } from './lib/capture/replay/replay.js';
export { Selection, type SelectionOptions } from './lib/capture/selection.js';
export { Capture, type CaptureOptions } from './lib/capture/session/capture.js';
export {
  CHANNELS,
  type Channel,
  type Exchange,
  type Frame,
  type FrameReader,
  type Subscription,
} from './lib/exchanges/exchange.js';
export { EXCHANGES, exchangeOf } from './lib/exchanges/index.js';
export { FeatureEngine } from './lib/features/engine.js';
export type { EngineCounts, EngineOptions } from './lib/features/options.js';
export { FEATURES } from './lib/features/registry.js';
export type { FeatureModule, OwnMeasure } from './lib/features/store/own-feature.js';
export type { GridInput } from './lib/grid/parameters.js';
export { planGrid } from './lib/grid/plan.js';
export type { Plan, PlannedLevel } from './lib/grid/planned.js';
export { EXIT, FailureError, MdtoolError, UnreachableError, UsageError } from './lib/model/errors.js';
export { type CandleInterval, parseIntervals } from './lib/model/interval.js';
export { decodeRecord, encodeRecord, RecordError } from './lib/model/ndjson.js';
export { compareTrades } from './lib/model/order.js';
export * from './lib/model/records.js';
export type { Column, ColumnKind, Level } from './lib/model/schema.js';
export { formatTime, parseDuration, parseTime } from './lib/model/time.js';
export { type GeneratorOptions, type Rejection, SignalGenerator } from './lib/signals/generator.js';
export { DEFAULT_RULES, type SignalRules } from './lib/signals/rules.js';
export { readExistingStore as readStore } from './lib/storage/reading/store-reader.js';
export type { StoreSelection } from './lib/storage/reading/store-selection.js';
export {
  openStoreWriter,
  type StoreWriter,
  type StoreWriterOptions,
  type StoreWriterReport,
} from './lib/storage/store-writer.js';
export type { TapeEntry, WireEvent } from './lib/tape/tape.js';
