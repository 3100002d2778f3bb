import { findStore } from '../../storage/files/store-directory.js';
import { changeMetadata } from '../../storage/log/metadata.js';
import { openStoreContext } from '../../storage/log/store-context.js';
import type { Feed } from '../repair/feed-table.js';

/** The time until which a run received everything of a feed or wrote gaps for the rest; microseconds. */
export type CoveredUntil = Feed & { readonly until: number };

/** By symbol. */
type Times = ReadonlyMap<string, number>;

function keyOf({ exchange, market, channel }: Omit<Feed, 'symbol'>): string {
  return `stream.${channel}.${exchange}.${market}`;
}

function timesIn(metadata: ReadonlyMap<string, string>, feed: Omit<Feed, 'symbol'>): Times {
  return new Map(Object.entries(JSON.parse(metadata.get(keyOf(feed)) ?? '{}') as Record<string, number>));
}

/**
 * Returns, by symbol, until when earlier runs into the store in `directory` covered a channel. On a sparse channel the last
 * record does not show that: a run may have listened for hours after it.
 */
export async function readCoveredUntil(directory: string, feed: Omit<Feed, 'symbol'>): Promise<Times> {
  const paths = await findStore(directory);
  return paths ? timesIn((await openStoreContext(paths).log.read()).metadata, feed) : new Map();
}

/** Saves the times in the store, in one change of its log. A later time in the store stays. */
export async function saveCoveredUntil(directory: string, feeds: readonly CoveredUntil[]): Promise<void> {
  if (feeds.length === 0) return;
  await changeMetadata(directory, (known) => {
    const changed = new Map<string, Record<string, number>>();
    for (const feed of feeds) {
      const times = changed.get(keyOf(feed)) ?? Object.fromEntries(timesIn(known, feed));
      times[feed.symbol] = Math.max(feed.until, times[feed.symbol] ?? 0);
      changed.set(keyOf(feed), times);
    }
    return Object.fromEntries([...changed].map(([key, times]) => [key, JSON.stringify(times)]));
  });
}
