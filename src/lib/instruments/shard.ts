import { UsageError } from '../model/errors.js';

/** The part of the symbols for one of several machines: `2/5` is the second of five. */
export type Shard = {
  readonly index: number;
  readonly count: number;
  /** Whether it waits for listings while it has no symbol, as a leased one does; others are refused. */
  readonly waits?: boolean | undefined;
};

/** Returns the shard that `2/5` names. Throws a `UsageError`. */
export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(text.trim()) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (index === undefined || shard.index < 1 || shard.index > shard.count)
    throw new UsageError(`expected a shard like 2/5 (the second of five), was "${text}"`);
  return shard;
}

/** Returns whether a symbol belongs to a shard, by an FNV-1a hash of its name: the same on every machine and in every version. */
export function isInShard({ index, count }: Shard, exchange: string, market: string, symbol: string): boolean {
  let hash = 0x811c9dc5;
  for (const character of `${exchange}:${market}:${symbol}`) {
    hash ^= character.codePointAt(0) as number;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash % count === index - 1;
}
