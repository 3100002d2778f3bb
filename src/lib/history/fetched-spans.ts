import { type Span, united, without } from '../model/span.js';
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
