import type { Exchange } from '../exchanges/exchange.js';
import { HISTORY_TYPES, type HistoryType, type Span } from '../exchanges/history.js';
import { EXCHANGES } from '../exchanges/index.js';
import { readInput } from '../input/input.js';
import type { InputListener } from '../input/input-listener.js';
import type { AnyRecord, Coverage } from '../model/records.js';
import { united } from './spans.js';
import { type RequestedRange, type Topic, topicName } from './topic.js';

/** What coverage asks for, and what of it no history can give. */
export type CoverageRanges = {
  readonly ranges: readonly RequestedRange[];
  /** Channels that have holes and no history, with how many holes. */
  readonly without: ReadonlyMap<string, number>;
  /** Records that were read. */
  readonly read: number;
  /** Those that tell of a hole or a mismatch: damaged files may be behind them. */
  readonly flawed: readonly Coverage[];
};

/**
 * Returns what the `coverage` records of INPUT with the verdict `hole` ask for. The channel of the exchange's candles names
 * their interval, `candle_exchange_1m`, or `detail.interval` does; `candle_1m` are those of trades, which are made of
 * trades. Throws as `readInput`.
 */
export async function rangesFromCoverage(paths: readonly string[], listener: InputListener): Promise<CoverageRanges> {
  const ranges = new Map<string, Topic & { spans: Span[] }>();
  const without = new Map<string, number>();
  const flawed: Coverage[] = [];
  let read = 0;
  for await (const records of readInput(paths, listener)) {
    for (const record of records.filter(isCoverage)) {
      read += 1;
      if (record.verdict === 'hole' || record.verdict === 'mismatch') flawed.push(record);
      if (record.verdict !== 'hole') continue;
      const topic = topicOf(record);
      if (!topic) {
        without.set(record.channel, (without.get(record.channel) ?? 0) + 1);
        continue;
      }
      const range = ranges.get(topicName(topic)) ?? { ...topic, spans: [] };
      range.spans.push({ from: record.fromTimestamp, until: record.untilTimestamp });
      ranges.set(topicName(topic), range);
    }
  }
  return {
    ranges: [...ranges.values()].map((range) => ({ ...range, spans: united(range.spans), isForced: true })),
    without,
    read,
    flawed,
  };
}

function isCoverage(record: AnyRecord): record is Coverage {
  return record.type === 'coverage';
}

function topicOf({ exchange: id, market, symbol, channel, detail }: Coverage): Topic | undefined {
  const exchange = EXCHANGES.find((candidate: Exchange) => candidate.id === id);
  const [, name = channel, interval] = /^(candle)(?:_exchange_(\d+[smhdw]))?$/.exec(channel) ?? [];
  const type = HISTORY_TYPES.find((candidate) => candidate === name);
  if (!exchange || !type) return undefined;
  if (type !== 'candle') return { exchange, market, symbol, type: type satisfies HistoryType };
  const named = interval ?? intervalIn(detail);
  return named === undefined ? undefined : { exchange, market, symbol, type, interval: named };
}

function intervalIn(detail: unknown): string | undefined {
  const interval = typeof detail === 'object' && detail !== null && 'interval' in detail ? detail.interval : undefined;
  return typeof interval === 'string' ? interval : undefined;
}
