import type { RunStore } from '../../src/lib/execution/store/run-store.js';
import { RecordNotices } from '../../src/lib/notify/record-notices.js';
import type { Message } from '../../src/lib/notify/sink-queue.js';
import { SinkQueue } from '../../src/lib/notify/sink-queue.js';

const DAY = 86_400_000;

/** Returns the messages that a sink which takes everything at once gets from the outbox of a run, by the times of its records. */
export function messagesOf(store: RunStore, minimum: 'routine' | 'alarm' = 'routine'): Message[] {
  const queue = new SinkQueue({ limit: 4_096, perMinute: 1_000, minimum });
  const notices = new RecordNotices();
  const messages: Message[] = [];
  const deliver = (until: number) => {
    for (let at = 0; ; ) {
      const next = queue.next({ at, time: at * 1_000 });
      if (next && 'send' in next) {
        messages.push(next.send);
        queue.settle({ kind: 'delivered' }, { at, time: at * 1_000 });
      } else if (next === undefined || next.at > until) return;
      else at = next.at;
    }
  };
  for (const { seq, record } of store.outbox(-1, 100_000)) {
    const at = record.timestamp / 1_000;
    deliver(at);
    const notice = notices.read(record, { source: 'eth', seq });
    if (notice) queue.take(notice, { at, time: at * 1_000 });
  }
  deliver(Number.MAX_SAFE_INTEGER / 2_000 + DAY);
  return messages;
}
