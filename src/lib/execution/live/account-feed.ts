import { type AccountClient, AccountError } from '../../account/client.js';
import { PrivateConnection } from '../../account/connection.js';
import type { AccountFamily } from '../../exchanges/private-side.js';
import { Backoff } from '../../transport/backoff.js';
import { AttemptError } from '../../transport/failure.js';
import type { openSocket } from '../../transport/socket.js';
import type { Timing } from '../../transport/timing.js';
import type { VenueListener } from './venue.js';

type FeedOptions = {
  readonly client: AccountClient;
  readonly family: AccountFamily;
  readonly timing: Timing;
  readonly userAgent: string;
  /** Replaces the connection; tests do. */
  readonly connect?: typeof openSocket | undefined;
};

const TICK = 250;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

/** The pushes of one account over one private connection, for every run that trades on it. It is open while somebody listens. */
export class AccountFeed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<VenueListener>();
  #open: { readonly ended: Promise<void>; readonly stop: AbortController } | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Keeps pushes coming until the signal; returns then. Throws an `AccountError` when the account cannot be used. */
  async listen(listener: VenueListener, signal: AbortSignal): Promise<void> {
    this.#listeners.add(listener);
    this.#open ??= this.#begin();
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      await Promise.race([this.#open.ended, stopped]);
    } finally {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    }
  }

  #begin() {
    const stop = new AbortController();
    return { ended: this.#run(stop.signal), stop };
  }

  #end(): void {
    this.#open?.stop.abort();
    this.#open?.ended.catch(() => {});
    this.#open = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { timing } = this.#options;
    const backoff = new Backoff({ first: FIRST_PAUSE, longest: LONGEST_PAUSE, random: timing.random });
    for (let connects = 0; !signal.aborted; ) {
      const connection = new PrivateConnection({ ...this.#options, signal });
      try {
        await this.#connect(connection);
        connects += 1;
        if (connects > 1) this.#interrupted('the private connection is back');
        while (connection.ended === undefined && !signal.aborted) {
          connection.beat();
          await timing.sleep(TICK, signal);
        }
        backoff.reset();
      } catch (error) {
        if (error instanceof AccountError && (error.outcome.class === 'key' || error.outcome.class === 'region')) throw error;
        if (!(error instanceof AttemptError) && !(error instanceof AccountError)) throw error;
      } finally {
        connection.terminate();
      }
      if (!signal.aborted) await timing.sleep(backoff.next(), signal);
    }
  }

  #connect(connection: PrivateConnection): Promise<void> {
    return connection.open((frame) => {
      if (frame.kind === 'data') for (const listener of [...this.#listeners]) listener.pushed(frame);
      // What could not be read is read over REST.
      if (frame.kind === 'rejected' || (frame.kind === 'data' && frame.rejected.length > 0))
        this.#interrupted('a push could not be read');
    });
  }

  #interrupted(reason: string): void {
    for (const listener of [...this.#listeners]) listener.interrupted(reason);
  }
}
