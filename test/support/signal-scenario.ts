import type { AnyRecord, Candle } from '../../src/lib/model/records.js';
import { type PlantedEvent, syntheticMarket } from './synthetic-market.js';

const SECOND = 1_000_000;
const BAR = 900 * SECOND;

/** 2026-11-20 10:00 UTC. */
export const SCENARIO_START = 1_795_168_800_000_000;
export const LONG_AT = SCENARIO_START + 3_900 * SECOND;
export const SHORT_AT = SCENARIO_START + 4_800 * SECOND;

type ScenarioOptions = {
  readonly candles?: number;
  /** Height of the candles before, in the quote asset. */
  readonly range?: number;
  readonly events?: readonly PlantedEvent[];
};

/**
 * 85 minutes of a dense synthetic market with an order-flow burst, a book shift and a mark deviation for a long and
 * another for a short; before them the exchange's own 15-minute candles, so that the ATR is warm.
 */
export function signalScenario({ candles = 200, range = 210, events = EVENTS }: ScenarioOptions = {}): AnyRecord[] {
  const market = { seed: 5, start: SCENARIO_START, hours: 85 / 60, denseHours: 85 / 60, events };
  return [...Array.from({ length: candles }, (_, index) => seedCandle(index - candles, range)), ...syntheticMarket(market)];
}

const EVENTS: readonly PlantedEvent[] = [
  { at: LONG_AT, side: 'buy' },
  { at: SHORT_AT, side: 'sell' },
];

function seedCandle(index: number, range: number): Candle {
  return {
    type: 'candle',
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp: SCENARIO_START + index * BAR,
    localTimestamp: SCENARIO_START + index * BAR + BAR + 50_000,
    interval: '15m',
    open: 84_000,
    high: 84_000 + range,
    low: 84_000,
    close: 84_000 + range / 2,
    volume: 10,
    source: 'exchange',
    closed: true,
  };
}
