import type { Tape } from './tape.js';
import { ABNORMAL_CODE, type TapeEntry } from './tape.js';

/** An entry with the exchange of its tape. */
export type ExchangeEntry = { readonly exchange: string; readonly entry: TapeEntry };

const BATCH = 1024;

type Cursor = {
  readonly exchange: string;
  /** Open connections; parts of one recording share the set. */
  readonly connections: Set<string>;
  readonly source: AsyncIterator<readonly TapeEntry[]>;
  batch: readonly TapeEntry[];
  next: number;
  at: number;
};

/**
 * Merges tapes by arrival time; at equal times the earlier tape is first. A line out of order keeps its place on its tape,
 * and a broken line is passed on at once. When a tape ends while others of its exchange continue, its connections are
 * closed: otherwise the same feeds on another tape would wait for them.
 */
export async function* mergeTapes(tapes: readonly Tape[]): AsyncGenerator<readonly ExchangeEntry[]> {
  const recordings = new Map<string | undefined, Set<string>>();
  const cursors: Cursor[] = tapes.map(({ header, batches }) => ({
    exchange: header.exchange,
    connections: connectionsOf(header, recordings),
    source: batches[Symbol.asyncIterator](),
    batch: [],
    next: 0,
    at: 0,
  }));
  const open = new Set<Cursor>();
  for (const cursor of cursors) if (await fill(cursor)) open.add(cursor);
  let merged: ExchangeEntry[] = [];
  while (open.size > 0) {
    const cursor = earliest(open);
    const entry = cursor.batch[cursor.next] as TapeEntry;
    follow(cursor, entry);
    merged.push({ exchange: cursor.exchange, entry });
    cursor.next += 1;
    if (cursor.next < cursor.batch.length && merged.length < BATCH) continue;
    yield merged;
    merged = [];
    if (cursor.next < cursor.batch.length || (await fill(cursor))) continue;
    open.delete(cursor);
    merged.push(...closes(cursor, open));
  }
}

function connectionsOf({ recording }: Tape['header'], recordings: Map<string | undefined, Set<string>>): Set<string> {
  const connections = (recording === undefined ? undefined : recordings.get(recording)) ?? new Set();
  recordings.set(recording, connections);
  return connections;
}

function follow(cursor: Cursor, entry: TapeEntry): void {
  if (entry.kind === 'broken') return;
  cursor.at = Math.max(cursor.at, entry.at);
  if (entry.kind === 'connect') cursor.connections.add(entry.connection);
  else if (entry.kind === 'close') cursor.connections.delete(entry.connection);
}

/** Returns close entries for the open connections of a finished tape; none when another part or no other tape of its exchange follows. */
function closes({ exchange, connections, at }: Cursor, open: ReadonlySet<Cursor>): ExchangeEntry[] {
  const others = [...open].filter((other) => other.exchange === exchange);
  if (others.length === 0 || others.some((other) => other.connections === connections)) return [];
  return [...connections].map((connection) => ({ exchange, entry: { kind: 'close', at, connection, code: ABNORMAL_CODE } }));
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
