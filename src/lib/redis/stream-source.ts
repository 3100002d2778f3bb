import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { UsageError } from '../model/errors.js';
import { parseDuration } from '../model/time.js';
import { connectRedis, isConnectionError, type RedisClient } from './client.js';
import { addressOf, redisUrl } from './url.js';

/** A Redis stream as an input: `redis://host:port/db/KEY?group=G&consumer=C&idle=30s&batch=1000`. */
type StreamInput = {
  readonly url: string;
  readonly key: string;
  readonly group: string;
  readonly consumer: string;
  /** Milliseconds after which the entries of a silent consumer are taken over. */
  readonly idle: number;
  /** Entries that are read together, and acknowledged together. */
  readonly batch: number;
  /** As the user wrote it, without credentials. */
  readonly name: string;
};

/** An entry of a stream: its id, and the text of its field `data`. */
export type StreamEntry = { readonly id: string; readonly data: string | undefined };

type ReadOptions = {
  /** Ends the reading: what was read before is acknowledged first. */
  readonly stopped?: AbortSignal | undefined;
  /** Called with what the reader of the input should know, once each. */
  readonly onTrouble: (message: string) => void;
  /** Called once if another run of the group has read entries before. */
  readonly onResumed?: () => void;
  /** Called with the number of entries that Redis dropped before the group had read them. */
  readonly onLost: (entries: number) => void;
};

const MOST_ENTRIES = 100_000;
const DEFAULT_BATCH = '1000';
/** Milliseconds that Redis waits for new entries; a stop is noticed as late. */
const BLOCK = 500;
const RETRY_PAUSE = 250;
const DEFAULT_IDLE = '30s';
const SHAPE = 'redis://host:port/KEY?group=NAME, with consumer=NAME, idle=30s and batch=1000 if wanted';

/** Parses an input that names a key of a Redis. Throws a `UsageError`. */
export function parseRedisInput(text: string, environment: NodeJS.ProcessEnv) {
  const [address = '', query = ''] = text.split('?');
  const [, base = '', database = '', key = ''] = /^(rediss?:\/\/[^/]*)((?:\/\d+(?=\/))?)\/(.+)$/.exec(address) ?? [];
  if (key === '') throw new UsageError(`${addressOf(text)}: expected ${SHAPE}`);
  const url = redisUrl(`${base}${database}`, environment, 'INPUT');
  return { url, key: decodeURIComponent(key), parameters: new URLSearchParams(query), name: addressOf(text) };
}

/** Parses the input of a step. Throws a `UsageError`. */
export function parseStreamInput(text: string, environment: NodeJS.ProcessEnv): StreamInput {
  const { url, key, parameters, name } = parseRedisInput(text, environment);
  const unknown = [...parameters.keys()].find((parameter) => !['group', 'consumer', 'idle', 'batch'].includes(parameter));
  const group = parameters.get('group') ?? '';
  const batch = Number(parameters.get('batch') ?? DEFAULT_BATCH);
  const isBatch = Number.isInteger(batch) && batch > 0 && batch <= MOST_ENTRIES;
  if (group === '' || unknown !== undefined || !isBatch)
    throw new UsageError(
      `${name}: expected ${SHAPE}${unknown === undefined ? '' : `, found ${unknown}=`}; frames are read by mdtool stream --replay`,
    );
  const consumer = parameters.get('consumer') ?? `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const idle = parseDuration(parameters.get('idle') ?? DEFAULT_IDLE, `${name}: idle`) / 1000;
  return { url, key, group, consumer, idle, batch, name };
}

/**
 * Yields the entries of a stream for a consumer group, until it is stopped. When the caller comes back for more, it has
 * written the batch: only then is the batch acknowledged. A consumer that is killed before that leaves it to the others, or to
 * itself under the same name.
 */
export async function* readStream(input: StreamInput, options: ReadOptions): AsyncGenerator<readonly StreamEntry[]> {
  const client = await connectRedis({ url: input.url, flag: 'INPUT', onTrouble: options.onTrouble });
  try {
    const group = new ConsumerGroup(client, input, options);
    while (!options.stopped?.aborted) {
      const entries = await group.next();
      if (entries.length === 0) continue;
      yield entries;
      await group.acknowledge(entries);
    }
    await group.leave();
  } finally {
    client.destroy();
  }
}

class ConsumerGroup {
  readonly #client: RedisClient;
  readonly #input: StreamInput;
  readonly #options: ReadOptions;
  #isJoined = false;
  #hasJoined = false;
  /** Where the own entries of an earlier process are read on; undefined when all have been. */
  #own: string | undefined = '0';
  #takeOverAt = 0;
  #lost = 0;

  constructor(client: RedisClient, input: StreamInput, options: ReadOptions) {
    this.#client = client;
    this.#input = input;
    this.#options = options;
  }

  /** Returns what is to be done next: what this consumer left, what a dead one left, then what is new. */
  async next(): Promise<StreamEntry[]> {
    try {
      if (!this.#isJoined) await this.#join();
      if (this.#own !== undefined) return await this.#readOwn(this.#own);
      const taken = performance.now() >= this.#takeOverAt ? await this.#takeOver() : [];
      return taken.length > 0 ? taken : await this.#read('>');
    } catch (error) {
      await this.#recover(error);
      return [];
    }
  }

  async acknowledge(entries: readonly StreamEntry[]): Promise<void> {
    const { key, group } = this.#input;
    const ids = entries.map(({ id }) => id);
    for (;;) {
      try {
        await this.#client.xAck(key, group, ids);
        return;
      } catch (error) {
        await this.#recover(error);
        // Written is written: the next process gets the batch once more, and a store takes it once.
        if (this.#options.stopped?.aborted) return;
      }
    }
  }

  /** Removes a consumer that leaves nothing behind: each run has one of its own. */
  async leave(): Promise<void> {
    const { key, group, consumer } = this.#input;
    const own = await this.#client.xPendingRange(key, group, '-', '+', 1, { consumer }).catch(() => undefined);
    if (own?.length === 0) await this.#client.xGroupDelConsumer(key, group, consumer).catch(() => {});
  }

  async #join(): Promise<void> {
    const { key, group } = this.#input;
    await this.#client.xGroupCreate(key, group, '0', { MKSTREAM: true }).catch((error: Error) => {
      if (!error.message.startsWith('BUSYGROUP')) throw error;
    });
    if (!this.#hasJoined && (await this.#info())?.['last-delivered-id'] !== '0-0') this.#options.onResumed?.();
    this.#hasJoined = true;
    this.#isJoined = true;
  }

  async #readOwn(after: string): Promise<StreamEntry[]> {
    const entries = await this.#read(after);
    // They stay in the list until they are acknowledged: read on after the last.
    this.#own = entries.at(-1)?.id;
    return entries;
  }

  async #read(from: string): Promise<StreamEntry[]> {
    const { key, group, consumer, batch } = this.#input;
    const reply = (await this.#client.xReadGroup(group, consumer, { key, id: from }, { COUNT: batch, BLOCK })) as Reply;
    return (reply?.[0]?.messages ?? []).map(entryOf);
  }

  async #takeOver(): Promise<StreamEntry[]> {
    const { key, group, consumer, idle, batch } = this.#input;
    const reply = await this.#client.xAutoClaim(key, group, consumer, idle, '0', { COUNT: batch });
    const entries = reply.messages.filter((message) => message !== null).map(entryOf);
    if (entries.length === 0) this.#takeOverAt = performance.now() + Math.max(BLOCK, Math.min(idle, 5_000));
    await this.#countLost();
    return entries;
  }

  /** A stream keeps its last entries: those that were trimmed before the group read them are lost, and nothing else says so. */
  async #countLost(): Promise<void> {
    const stream = (await this.#client.xInfoStream(this.#input.key)) as unknown as Fields;
    const own = await this.#info();
    const [added, length, read] = [stream['entries-added'], stream.length, own?.['entries-read']].map(numberOf);
    // Redis 6 does not count them.
    if (added === undefined || length === undefined || read === undefined) return;
    const lost = added - length - read;
    if (lost > this.#lost) this.#options.onLost(lost - this.#lost);
    this.#lost = Math.max(this.#lost, lost);
  }

  /** Returns what Redis knows of the group. */
  async #info(): Promise<Fields | undefined> {
    const { key, group } = this.#input;
    const groups = (await this.#client.xInfoGroups(key)) as unknown as Fields[];
    return groups.find(({ name }) => name === group);
  }

  async #recover(error: unknown): Promise<void> {
    const { message = '' } = error as Error;
    // A Redis that kept nothing has lost the group; what it has is read from its beginning.
    if (message.startsWith('NOGROUP')) this.#isJoined = false;
    else if (!isConnectionError(error)) throw new UsageError(`${this.#input.name}: Redis refused (${message})`, { cause: error });
    await pause(RETRY_PAUSE, undefined, this.#options.stopped ? { signal: this.#options.stopped } : {}).catch(() => {});
  }
}

type Fields = Readonly<Record<string, unknown>>;
type Message = { readonly id: string; readonly message: Readonly<Record<string, string>> };
type Reply = readonly { readonly messages: readonly Message[] }[] | null;

function entryOf({ id, message }: { readonly id: unknown; readonly message: unknown }): StreamEntry {
  return { id: String(id), data: (message as Readonly<Record<string, string>>).data };
}

function numberOf(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
