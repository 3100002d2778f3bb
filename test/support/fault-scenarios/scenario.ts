import type { Channel } from '../../../src/lib/exchanges/exchange.js';
import type { Market } from '../exchange-server/index.js';
import { pick, seeded } from '../random.js';
import { BOOK_FAULTS, FAULTS, type FaultName } from './faults.js';

export type Step = { readonly after: number; readonly fault: FaultName };

/** One run of bad luck, decided by its seed. Times are milliseconds. */
export type Scenario = {
  readonly seed: number;
  readonly exchange: 'bitget' | 'bybit';
  readonly api: string;
  readonly market: Market;
  readonly channels: readonly Channel[];
  /** Trades per second of each symbol; the last one is thin. */
  readonly rates: readonly number[];
  /** The exchange's clock minus ours. */
  readonly clockOffset: number;
  readonly hasChecksum: boolean;
  readonly channelsPerConnection: number;
  /** A connection is replaced after so long; 0 for never. */
  readonly rotateAfter: number;
  readonly steps: readonly Step[];
  /** How it ends: stopped while all is well, or while nothing can be connected to. */
  readonly ending: 'well' | 'cut off';
  /** What may wait for the outputs: less than a burst; more than a second of trades, or less than a slow machine leaves. */
  readonly queueRecords: number;
};

const CHANNELS: readonly (readonly Channel[])[] = [
  ['trade'],
  ['trade'],
  ['trade', 'ticker'],
  ['trade', 'book'],
  ['trade', 'book_delta'],
  ['trade', 'book', 'book_delta'],
];
const MARKETS: readonly Market[] = ['linear', 'linear', 'spot', 'inverse'];
/** Share of scenarios in which many thin symbols are to be repaired at the same time. */
const CROWDS = 0.05;
const OFFSETS = [0, 0, 0, -4_000, 4_000];

/** Returns the scenario of a seed. The first fault comes when everything is subscribed. */
export function scenarioOf(seed: number): Scenario {
  const random = seeded(seed);
  const exchange = pick(random, ['bitget', 'bybit'] as const);
  const api = exchange === 'bybit' ? 'v5' : pick(random, ['v2', 'v2', 'v3']);
  const channels = pick(random, CHANNELS);
  const isCrowd = random() < CROWDS;
  const symbols = isCrowd ? 40 + Math.floor(random() * 80) : 2 + Math.floor(random() * 2);
  const rates = [...Array.from({ length: symbols - 1 }, () => (15 + random() * 45) / (isCrowd ? 30 : 1)), 0.5 + random()];
  return {
    seed,
    exchange,
    api,
    market: pick(random, MARKETS),
    channels,
    rates,
    clockOffset: pick(random, OFFSETS),
    hasChecksum: api === 'v2' && random() < 0.6,
    channelsPerConnection: isCrowd ? 40 : pick(random, [1, 2, 40]),
    rotateAfter: pick(random, [0, 0, 0, 500]),
    steps: [...(isCrowd ? [{ after: 200, fault: 'REST slow for all' as const }] : []), ...stepsOf(random, channels)],
    ending: random() < 0.2 ? 'cut off' : 'well',
    queueRecords: pick(random, [300, 300, 20]),
  };
}

function stepsOf(random: () => number, channels: readonly Channel[]): Step[] {
  const hasBooks = channels.some((channel) => channel.startsWith('book'));
  const names = (Object.keys(FAULTS) as FaultName[]).filter((name) => hasBooks || !BOOK_FAULTS.has(name));
  // Kills are what everything else is to be combined with.
  const draw = (): FaultName => (random() < 0.22 ? 'kill' : pick(random, names));
  return Array.from({ length: 2 + Math.floor(random() * 4) }, () => ({ after: 20 + random() ** 2 * 500, fault: draw() }));
}
