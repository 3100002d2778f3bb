import type { TapeEntry } from './tape.js';
import type { Tape } from './tape-reader.js';

/** An entry and the exchange whose tape it stands on. */
export type ExchangeEntry = { readonly exchange: string; readonly entry: TapeEntry };

const BATCH = 1024;

type Cursor = {
  readonly exchange: string;
  readonly source: AsyncIterator<readonly TapeEntry[]>;
  batch: readonly TapeEntry[];
  next: number;
};

/**
 * Merges tapes by arrival time; of equal times the earlier tape comes first. A line out of order stays where it stands
 * on its tape, and a broken line is passed on at once.
 */
export async function* mergeTapes(tapes: readonly Tape[]): AsyncGenerator<readonly ExchangeEntry[]> {
  const cursors: Cursor[] = tapes.map(({ header, batches }) => ({
    exchange: header.exchange,
    source: batches[Symbol.asyncIterator](),
    batch: [],
    next: 0,
  }));
  const open = new Set<Cursor>();
  for (const cursor of cursors) if (await fill(cursor)) open.add(cursor);
  let merged: ExchangeEntry[] = [];
  while (open.size > 0) {
    const cursor = earliest(open);
    merged.push({ exchange: cursor.exchange, entry: cursor.batch[cursor.next] as TapeEntry });
    cursor.next += 1;
    if (cursor.next < cursor.batch.length && merged.length < BATCH) continue;
    yield merged;
    merged = [];
    if (cursor.next >= cursor.batch.length && !(await fill(cursor))) open.delete(cursor);
  }
}

async function fill(cursor: Cursor): Promise<boolean> {
  for (;;) {
    const { done, value } = await cursor.source.next();
    if (done) return false;
    if (value.length === 0) continue;
    cursor.batch = value;
    cursor.next = 0;
    return true;
  }
}

function earliest(cursors: ReadonlySet<Cursor>): Cursor {
  let best: Cursor | undefined;
  for (const cursor of cursors) if (!best || timeOf(cursor) < timeOf(best)) best = cursor;
  return best as Cursor;
}

function timeOf({ batch, next }: Cursor): number {
  const entry = batch[next] as TapeEntry;
  return entry.kind === 'broken' ? 0 : entry.at;
}
