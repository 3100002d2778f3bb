import { FailureError, UsageError } from '../model/errors.js';
import { connectRedis, type RedisClient, type RedisConnection } from './client.js';
import { addressOf } from './url.js';

export type Bull = typeof import('bullmq');

/** What every BullMQ key of mdtool begins with. */
const PREFIX = 'mdtool';
/** Settings of a Redis queue and of its workers: the connection, and no warnings on the console (`checkServer` does it). */
export type BullOptions = { readonly connection: never; readonly prefix: string; readonly skipVersionCheck: true };

/** BullMQ over a connection of its own. */
export type BullConnection = { readonly bull: Bull; readonly client: RedisClient; readonly options: BullOptions };

/** Loads BullMQ. It is installed by those who want more than one machine. Throws a `UsageError` without it. */
async function loadBull(flag: string): Promise<Bull> {
  try {
    return await import('bullmq');
  } catch (error) {
    throw new UsageError(`${flag} needs BullMQ, which is not installed: npm install -g bullmq@6`, { cause: error });
  }
}

/** Connects BullMQ to a Redis. Throws a `UsageError` or a `FailureError`. */
export async function connectBull(connection: RedisConnection): Promise<BullConnection> {
  const bull = await loadBull(connection.flag);
  const client = await connectRedis(connection);
  try {
    await checkServer(client, connection);
  } catch (error) {
    client.destroy();
    throw error;
  }
  const adapter = bull.createNodeRedisClient(client as never);
  // BullMQ passes on what the client reports, which an emitter without a listener would throw.
  (adapter as unknown as NodeJS.EventEmitter).on('error', () => {});
  return { bull, client, options: { connection: adapter as never, prefix: PREFIX, skipVersionCheck: true } };
}

/** Refuses a Redis too old for BullMQ, and warns of one that may drop jobs when its memory is full. */
async function checkServer(client: RedisClient, { flag, url, onTrouble }: RedisConnection): Promise<void> {
  const info = await client.info();
  const [, version = ''] = /^redis_version:(.+)$/m.exec(info) ?? [];
  const [major = 0, minor = 0] = version.trim().split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 2))
    throw new FailureError(`${flag} ${addressOf(url)}: expected Redis 6.2 or later, was ${version.trim()}`);
  const [, policy = ''] = /^maxmemory_policy:(.+)$/m.exec(info) ?? [];
  if (policy.trim() !== 'noeviction')
    onTrouble(`Redis may drop jobs when its memory is full: set maxmemory-policy noeviction (is ${policy.trim()})`);
}
