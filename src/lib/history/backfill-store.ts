import type { AnyRecord } from '../model/records.js';
import { type Span, united } from '../model/span.js';
import { openStoreWriter, type StoreWriter } from '../storage/store-writer.js';
import { recordFetched } from './fetched-spans.js';
import { type Topic, topicName } from './topic.js';

/** Fetched spans are recorded this often (ms): a killed run fetches that much again, and stores none of it twice. */
const RECORD_EVERY = 1_000;

/**
 * A store that a backfill writes to.
 *
 * A span that is recorded as fetched is never fetched again. If the record survives a power loss and the trades do not, they
 * are missing for good. So records are synced to disk first, then the spans are recorded.
 */
export class BackfillStore {
  readonly #directory: string;
  readonly #writer: StoreWriter;
  readonly #fetched = new Map<string, { readonly topic: Topic; readonly spans: readonly Span[] }>();
  #recorded = performance.now();

  private constructor(directory: string, writer: StoreWriter) {
    this.#directory = directory;
    this.#writer = writer;
  }

  /** Throws as `openStoreWriter`. */
  static async open(directory: string, warn: (text: string) => void): Promise<BackfillStore> {
    return new BackfillStore(directory, await openStoreWriter(directory, { step: 'backfill', onWarning: warn }));
  }

  /** Stores records, and notes that all of `covered` has been fetched. */
  async add(records: readonly AnyRecord[], topic: Topic, covered: readonly Span[]): Promise<void> {
    if (records.length > 0) await this.#writer.write(records);
    const name = topicName(topic);
    this.#fetched.set(name, { topic, spans: united([...(this.#fetched.get(name)?.spans ?? []), ...covered]) });
    if (performance.now() - this.#recorded >= RECORD_EVERY) await this.#recordFetched();
  }

  async close(): Promise<void> {
    try {
      await this.#recordFetched();
    } finally {
      await this.#writer.close();
    }
  }

  async #recordFetched(): Promise<void> {
    const fetched = [...this.#fetched.values()];
    this.#fetched.clear();
    if (fetched.length > 0) {
      await this.#writer.sync();
      await recordFetched(this.#directory, fetched);
    }
    this.#recorded = performance.now();
  }
}
