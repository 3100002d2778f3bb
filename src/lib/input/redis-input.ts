import { counted } from '../model/counted.js';
import type { AnyRecord } from '../model/records.js';
import { parseStreamInput, readStream } from '../redis/stream-source.js';
import type { InputListener } from './input-listener.js';
import { recordOfLine } from './ndjson-input.js';

/** Returns the records of a Redis stream, for a consumer group, until `stopped`. */
export async function* readRedis(path: string, listener: InputListener, stopped?: AbortSignal): AsyncGenerator<AnyRecord[]> {
  const input = parseStreamInput(path, process.env);
  let number = 0;
  const onLost = (entries: number) =>
    listener.broken(
      `${input.name}: ${counted(entries, 'entry was', 'entries were')} dropped by Redis before they were read; raise --redis-maxlen`,
    );
  const onResumed = () =>
    listener.resumed?.(
      `${input.name}: the group goes on after an earlier run; what that run remembered, as an open candle or a cooldown, is gone`,
    );
  for await (const entries of readStream(input, {
    stopped,
    onResumed,
    onTrouble: (message) => listener.noted?.(message),
    onLost,
  })) {
    const records: AnyRecord[] = [];
    for (const { id, data } of entries) {
      number++;
      const record = recordOfLine(data ?? '', (reason) => listener.broken(`${input.name} ${id}: ${reason}`));
      if (!record) continue;
      records.push(record);
      listener.taken?.(record, `${input.name}:${number}`);
    }
    // Without a record, too: the batch is acknowledged when the reader comes back.
    yield records;
  }
}
