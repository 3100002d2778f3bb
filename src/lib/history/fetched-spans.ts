import type { HistoryType } from '../exchanges/history.js';
import { parseInterval } from '../model/interval.js';
import { type Span, united, without } from '../model/span.js';
import { DAY, HOUR } from '../model/time.js';
import { changeMetadata, type Metadata } from '../storage/log/metadata.js';
import { type RequestedRange, type Topic, topicName } from './topic.js';

/** Spans of a topic that were fetched completely. */
type Fetched = { readonly topic: Topic; readonly spans: readonly Span[] };

function keyOf(topic: Topic): string {
  return `backfill.${topicName(topic).replaceAll(' ', '.')}`;
}

/** Returns the spans of a topic that earlier runs fetched completely, from the metadata of the store. */
export function fetchedSpans(metadata: ReadonlyMap<string, string>, topic: Topic): Span[] {
  const text = metadata.get(keyOf(topic));
  return text === undefined ? [] : (JSON.parse(text) as [number, number][]).map(([from, until]) => ({ from, until }));
}

/** Records completely fetched spans in the metadata of a store, in one change. */
export async function recordFetched(directory: string, fetched: readonly Fetched[]): Promise<void> {
  await changeMetadata(directory, (known) => {
    const changed: Record<string, string> = {};
    for (const { topic, spans } of fetched) {
      const all = united([...fetchedSpans(known, topic), ...spans]);
      changed[keyOf(topic)] = JSON.stringify(all.map(({ from, until }) => [from, until]));
    }
    return changed satisfies Metadata;
  });
}

/**
 * How long after the start of a requested range the first record may come without a word, by type (microseconds). A rate is
 * paid every eight hours, and nobody trades a thin symbol for minutes.
 */
const USUAL_PAUSE: Readonly<Record<HistoryType, number>> = {
  trade: HOUR,
  candle: HOUR,
  mark_price: HOUR,
  open_interest: HOUR,
  funding: DAY,
};

/** Returns whether the first record begins too late for a range that was requested from `asked` on. */
export function beginsLate({ type, interval }: Pick<Topic, 'type' | 'interval'>, asked: number, first: number): boolean {
  const bars = interval === undefined ? 0 : 2 * parseInterval(interval).size;
  return first - asked > Math.max(USUAL_PAUSE[type], bars);
}

function askedKey(name: string): string {
  return `asked.${name.replaceAll(' ', '.')}`;
}

/** Returns the time from which runs have asked for a topic (`topicName`), undefined if none did. */
export function askedSince(metadata: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = metadata.get(askedKey(name));
  return text === undefined ? undefined : Number(text);
}

/** Records in the metadata of a store from when on topics were requested, whatever the exchange answered. */
export async function recordAsked(
  directory: string,
  asked: readonly { readonly topic: Topic; readonly from: number }[],
): Promise<void> {
  await changeMetadata(directory, (known) => {
    const earlier = asked.filter(({ topic, from }) => from < (askedSince(known, topicName(topic)) ?? Number.POSITIVE_INFINITY));
    return Object.fromEntries(earlier.map(({ topic, from }) => [askedKey(topicName(topic)), String(from)]));
  });
}

/** Returns the changed metadata of a store after the spans of `lost` were removed from its fetched spans. */
export function metadataWithout(metadata: ReadonlyMap<string, string>, lost: readonly RequestedRange[]): Metadata {
  const changed = new Map<string, string>();
  for (const { spans, ...topic } of lost) {
    const known = fetchedSpans(changed.has(keyOf(topic)) ? changed : metadata, topic);
    if (known.length > 0)
      changed.set(keyOf(topic), JSON.stringify(without(known, spans).map(({ from, until }) => [from, until])));
  }
  return Object.fromEntries(changed);
}
