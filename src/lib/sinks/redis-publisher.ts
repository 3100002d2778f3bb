import { FailureError } from '../model/errors.js';
import type { RedisClient } from '../redis/client.js';
import { addressOf } from '../redis/url.js';

/** Address and mode of a Redis output. */
type RedisOptions = {
  /** `redis://[user:password@]host:port[/db]`, `rediss://` for TLS. */
  readonly url: string;
  /** Pub/Sub reaches current subscribers only; a stream keeps about the last `maxLength` entries for later readers. */
  readonly mode: 'pubsub' | 'stream';
  readonly maxLength: number;
  /** Called when the connection is lost, and when it is restored. */
  readonly onTrouble: (message: string) => void;
};

/** One message, and its channel or stream. */
export type RedisMessage = { readonly channel: string; readonly payload: string };

/** Maximum pause between two reconnects, ms. */
const LONGEST_PAUSE = 2_000;
/** Milliseconds that a closing run waits for a lost Redis. */
const CLOSE_PATIENCE = 3_000;

/** Writes messages to Redis, in order. Messages that fail with a lost connection are written again after the reconnect. */
export class RedisPublisher {
  readonly #client: RedisClient;
  readonly #options: RedisOptions;
  /** Errors before the first connection are thrown by `connect`. */
  #hasConnected = false;
  #isLost = false;
  #isClosing = false;
  #wake: (() => void) | undefined;

  private constructor(client: RedisClient, options: RedisOptions) {
    this.#client = client;
    this.#options = options;
    client.on('error', (error: Error) => this.#lost(error));
    client.on('ready', () => this.#ready());
  }

  /** Throws a `FailureError` when Redis cannot be reached or refuses the login. */
  static async connect(options: RedisOptions): Promise<RedisPublisher> {
    const { createClient } = await import('@redis/client');
    const client = createClient({
      url: options.url,
      // The client would queue messages without limit while Redis is down, unnoticed.
      disableOfflineQueue: true,
      socket: {
        connectTimeout: 5_000,
        reconnectStrategy: (retries: number) =>
          publisher.#hasConnected ? Math.min(50 * 2 ** Math.min(retries, 10), LONGEST_PAUSE) : false,
      },
    }) as RedisClient;
    const publisher = new RedisPublisher(client, options);
    try {
      await client.connect();
    } catch (error) {
      throw new FailureError(`-o ${addressOf(options.url)}: cannot connect to Redis (${(error as Error).message})`, {
        cause: error,
      });
    }
    publisher.#hasConnected = true;
    return publisher;
  }

  /** Resolves when Redis has accepted every message; waits while it is lost. Returns the number of unsent messages when closing. */
  async publish(messages: readonly RedisMessage[]): Promise<number> {
    let rest = messages;
    while (rest.length > 0) {
      if (!this.#client.isReady) {
        if (this.#isClosing) return rest.length;
        await this.#reconnected();
        continue;
      }
      const results = await Promise.allSettled(rest.map((message) => this.#send(message)));
      rest = rest.filter((_, index) => results[index]?.status === 'rejected');
      if (rest.length > 0) this.#throwRefusal(results);
    }
    return 0;
  }

  /** Limits the wait for a lost Redis from now on. */
  async closing(): Promise<void> {
    const timer = setTimeout(() => {
      this.#isClosing = true;
      this.#wake?.();
    }, CLOSE_PATIENCE);
    timer.unref();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#client.isReady) await this.#client.close();
    else this.#client.destroy();
  }

  #send({ channel, payload }: RedisMessage): Promise<unknown> {
    if (this.#options.mode === 'pubsub') return this.#client.publish(channel, payload);
    const TRIM = { strategy: 'MAXLEN', strategyModifier: '~', threshold: this.#options.maxLength } as const;
    return this.#client.xAdd(channel, '*', { data: payload }, { TRIM });
  }

  /** Throws when Redis itself refuses (wrong type, no permission, out of memory): a retry would fail for ever. */
  #throwRefusal(results: readonly PromiseSettledResult<unknown>[]): void {
    const refusal = results.find((result) => result.status === 'rejected' && /^[A-Z]+ /.test(String(result.reason?.message)));
    if (refusal?.status === 'rejected' && this.#client.isReady)
      throw new FailureError(`-o ${addressOf(this.#options.url)}: Redis refused (${refusal.reason.message})`);
  }

  #lost(error: Error): void {
    if (!this.#hasConnected || this.#isLost || this.#isClosing) return;
    this.#isLost = true;
    this.#options.onTrouble(`lost the connection to Redis (${error.message || 'closed'}); reconnecting`);
  }

  #ready(): void {
    if (this.#isLost) this.#options.onTrouble('reconnected to Redis');
    this.#isLost = false;
    this.#wake?.();
  }

  #reconnected(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LONGEST_PAUSE);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
