import { FailureError } from '../model/errors.js';
import { addressOf } from './url.js';

export type RedisClient = ReturnType<typeof import('@redis/client')['createClient']>;

/** A connection to Redis as a flag names it. */
export type RedisConnection = {
  /** Complete URL, with its password. */
  readonly url: string;
  /** The flag that names the Redis, for errors: `--queue`. */
  readonly flag: string;
  /** Called when the connection is lost, and when it is restored. */
  readonly onTrouble: (message: string) => void;
};

/** Maximum pause between two reconnects, ms. */
const LONGEST_PAUSE = 2_000;

/**
 * Connects to Redis and keeps the connection: after a loss it reconnects for ever, and commands wait meanwhile. Throws a
 * `FailureError` if Redis cannot be reached at first or refuses the login.
 */
export async function connectRedis({ url, flag, onTrouble }: RedisConnection): Promise<RedisClient> {
  const { createClient } = await import('@redis/client');
  let hasConnected = false;
  let isLost = false;
  const client = createClient({
    url,
    socket: {
      connectTimeout: 5_000,
      reconnectStrategy: (retries: number) => (hasConnected ? Math.min(50 * 2 ** Math.min(retries, 10), LONGEST_PAUSE) : false),
    },
  }) as RedisClient;
  client.on('error', (error: Error) => {
    if (!hasConnected || isLost || !client.isOpen) return;
    isLost = true;
    onTrouble(`lost the connection to Redis (${error.message || 'closed'}); reconnecting`);
  });
  client.on('ready', () => {
    if (isLost) onTrouble('reconnected to Redis');
    isLost = false;
  });
  try {
    await client.connect();
  } catch (error) {
    throw new FailureError(`${flag} ${addressOf(url)}: cannot connect to Redis (${(error as Error).message})`, { cause: error });
  }
  hasConnected = true;
  return client;
}

/** Whether a command failed because the connection was lost: it can be sent again. */
export function isConnectionError(error: unknown): boolean {
  const { name = '', code = '', message = '' } = (error ?? {}) as { name?: string; code?: string; message?: string };
  if (/^LOADING |^MASTERDOWN /.test(message)) return true;
  return (
    /Socket|ConnectionClosed|Client(?:Offline|Closed)|Disconnect|Timeout/i.test(`${error?.constructor?.name} ${name}`) ||
    /^E[A-Z]+$/.test(code)
  );
}
