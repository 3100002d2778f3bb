import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReplay } from '../../src/lib/capture/replay/replay.js';
import type { Statistics } from '../../src/lib/capture/statistics.js';
import type { Channel } from '../../src/lib/exchanges/exchange.js';
import { exchangeOf } from '../../src/lib/exchanges/index.js';
import type { AnyRecord, Market, RecordOf, RecordType } from '../../src/lib/model/records.js';

export type Replayed = {
  readonly records: readonly AnyRecord[];
  readonly statistics: Statistics;
  of<Type extends RecordType>(type: Type, market?: Market): RecordOf<Type>[];
};

/** Replays tapes through the library, as `stream --replay` does. */
export async function replayed(
  paths: readonly string[],
  exchange: string,
  channels: readonly Channel[],
  options: { bookInterval?: number; depth?: number; speed?: number; symbols?: readonly string[] } = {},
): Promise<Replayed> {
  const { records: batches, statistics } = await openReplay({
    paths,
    exchanges: [exchangeOf(exchange)],
    channels,
    symbols: options.symbols,
    depth: options.depth ?? 15,
    bookInterval: options.bookInterval ?? 100_000,
    warn: () => {},
    pacing: {
      speed: options.speed,
      elapsed: () => performance.now(),
      sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
      signal: new AbortController().signal,
    },
  });
  const records: AnyRecord[] = [];
  for await (const batch of batches) records.push(...batch);
  const of = <Type extends RecordType>(type: Type, market?: Market) =>
    records.filter((record) => record.type === type && (!market || record.market === market)) as unknown as RecordOf<Type>[];
  return { records, statistics, of };
}

/** Writes tape lines to a temporary tape and hands its path to `use`. */
export async function withTape<T>(lines: readonly unknown[], use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'mdtool-tape-'));
  const path = join(folder, 'tape.ndjson');
  writeFileSync(path, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  try {
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
