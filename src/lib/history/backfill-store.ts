import type { Span } from '../exchanges/history.js';
import type { AnyRecord } from '../model/records.js';
import { openStoreWriter, type StoreWriter } from '../storage/store-writer.js';
import { recordFetched } from './fetched-spans.js';
import { united } from './spans.js';
import { type Topic, topicName } from './topic.js';

/** What was fetched is remembered this often (ms): a run that is killed fetches so much again, and stores none of it twice. */
const REMEMBER_EVERY = 1_000;

/** A store that is being filled. It remembers nothing as fetched that would not survive a power loss. */
export class BackfillStore {
  readonly #directory: string;
  readonly #writer: StoreWriter;
  readonly #fetched = new Map<string, { readonly topic: Topic; readonly spans: readonly Span[] }>();
  #remembered = performance.now();

  private constructor(directory: string, writer: StoreWriter) {
    this.#directory = directory;
    this.#writer = writer;
  }

  /** Throws as `openStoreWriter`. */
  static async open(directory: string, warn: (text: string) => void): Promise<BackfillStore> {
    return new BackfillStore(directory, await openStoreWriter(directory, { step: 'backfill', onWarning: warn }));
  }

  /** Stores records, and with them that all of `covered` is there. */
  async add(records: readonly AnyRecord[], topic: Topic, covered: readonly Span[]): Promise<void> {
    if (records.length > 0) await this.#writer.write(records);
    const name = topicName(topic);
    this.#fetched.set(name, { topic, spans: united([...(this.#fetched.get(name)?.spans ?? []), ...covered]) });
    if (performance.now() - this.#remembered >= REMEMBER_EVERY) await this.#remember();
  }

  async close(): Promise<void> {
    try {
      await this.#remember();
    } finally {
      await this.#writer.close();
    }
  }

  async #remember(): Promise<void> {
    const fetched = [...this.#fetched.values()];
    this.#fetched.clear();
    if (fetched.length > 0) {
      await this.#writer.sync();
      await recordFetched(this.#directory, fetched);
    }
    this.#remembered = performance.now();
  }
}
