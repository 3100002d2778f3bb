import type { Exchange } from '../exchanges/exchange.js';
import { HISTORY_TYPES, type HistoryType } from '../exchanges/history.js';
import { EXCHANGES } from '../exchanges/index.js';
import { readInput } from '../input/input.js';
import type { InputListener } from '../input/input-listener.js';
import type { AnyRecord, Coverage } from '../model/records.js';
import { type Span, united } from '../model/span.js';
import { type RequestedRange, type Topic, topicName } from './topic.js';

/** Ranges that coverage records request, and the parts that no history has. */
type CoverageRanges = {
  readonly ranges: readonly RequestedRange[];
  /** Channels with gaps but without a history, and their number of gaps. */
  readonly without: ReadonlyMap<string, number>;
  /** Number of coverage records read. */
  readonly read: number;
  /** Records of a gap or a mismatch: a damaged file may be the cause. */
  readonly flawed: readonly Coverage[];
};

/**
 * Returns the ranges that the `coverage` records of INPUT with the verdict `hole` request. Exchange candles have their
 * interval in the channel (`candle_exchange_1m`) or in `detail.interval`; `candle_1m` is built from trades. Throws as
 * `readInput`.
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
