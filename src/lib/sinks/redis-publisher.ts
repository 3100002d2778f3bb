import { FailureError } from '../model/errors.js';

/** Where and how Redis is written to. */
export type RedisOptions = {
  /** `redis://[user:password@]host:port[/db]`, `rediss://` for TLS. */
  readonly url: string;
  /** Pub/Sub reaches who listens now; streams keep the last `maxLength` entries for those who come later. */
  readonly mode: 'pubsub' | 'stream';
  readonly maxLength: number;
  /** Told when the connection is lost, and when it is back. */
  readonly onTrouble: (message: string) => void;
};

/** One message and the channel, or stream, it goes to. */
export type RedisMessage = { readonly channel: string; readonly payload: string };

type Client = ReturnType<typeof import('@redis/client')['createClient']>;

/** A Redis that is gone is asked for again this often at most (ms). */
const LONGEST_PAUSE = 2_000;
/** How long a closing run waits for a Redis that is gone (ms). */
const CLOSE_PATIENCE = 3_000;

/** Writes messages to Redis, in order; what was not taken when a connection broke is written again when it is back. */
export class RedisPublisher {
  readonly #client: Client;
  readonly #options: RedisOptions;
  /** What fails before the first connection is told by `connect`. */
  #hasConnected = false;
  #isLost = false;
  #isClosing = false;
  #wake: (() => void) | undefined;

  private constructor(client: Client, options: RedisOptions) {
    this.#client = client;
    this.#options = options;
    client.on('error', (error: Error) => this.#lost(error));
    client.on('ready', () => this.#ready());
  }

  /** Throws a `FailureError` when Redis cannot be reached or refuses to begin with. */
  static async connect(options: RedisOptions): Promise<RedisPublisher> {
    const { createClient } = await import('@redis/client');
    const client = createClient({
      url: options.url,
      // A publication that waits in a hidden queue is neither bounded nor told of.
      disableOfflineQueue: true,
      socket: {
        connectTimeout: 5_000,
        reconnectStrategy: (retries: number) =>
          publisher.#hasConnected ? Math.min(50 * 2 ** Math.min(retries, 10), LONGEST_PAUSE) : false,
      },
    }) as Client;
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

  /** Resolves when Redis has taken every message; waits while it is gone. Returns how many were not taken when closing. */
  async publish(messages: readonly RedisMessage[]): Promise<number> {
    let rest = messages;
    while (rest.length > 0) {
      if (!this.#client.isReady) {
        if (this.#isClosing) return rest.length;
        await this.#back();
        continue;
      }
      const results = await Promise.allSettled(rest.map((message) => this.#send(message)));
      rest = rest.filter((_, index) => results[index]?.status === 'rejected');
      if (rest.length > 0) this.#judge(results);
    }
    return 0;
  }

  /** From now on a Redis that is gone is waited for only so long. */
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

  /** What Redis itself refuses (a wrong type, no permission, no memory) would be refused for ever. */
  #judge(results: readonly PromiseSettledResult<unknown>[]): void {
    const refusal = results.find((result) => result.status === 'rejected' && /^[A-Z]+ /.test(String(result.reason?.message)));
    if (refusal?.status === 'rejected' && this.#client.isReady)
      throw new FailureError(`-o ${addressOf(this.#options.url)}: Redis refused (${refusal.reason.message})`);
  }

  #lost(error: Error): void {
    if (!this.#hasConnected || this.#isLost || this.#isClosing) return;
    this.#isLost = true;
    this.#options.onTrouble(`redis is gone (${error.message || 'connection lost'}); waiting for it`);
  }

  #ready(): void {
    if (this.#isLost) this.#options.onTrouble('redis is back');
    this.#isLost = false;
    this.#wake?.();
  }

  #back(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LONGEST_PAUSE);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Returns a Redis URL without its credentials. */
function addressOf(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
