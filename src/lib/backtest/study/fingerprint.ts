import { createHash } from 'node:crypto';
import type { LoadedMarket } from './market-reader.js';

/** Returns a hash of everything in a market that a run can depend on. */
export function fingerprint({ data, signals }: LoadedMarket): string {
  const digest = createHash('sha256');
  const { feed, marks, fundings, books, ...rest } = data;
  for (const column of Object.values({ ...feed, ...prefixed('mark', marks), ...prefixed('funding', fundings) }))
    if (ArrayBuffer.isView(column)) digest.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  return digest.update(JSON.stringify([rest, feed.kind, books, signals])).digest('hex');
}

function prefixed(name: string, columns: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(columns).map(([key, value]) => [`${name}_${key}`, value]));
}
