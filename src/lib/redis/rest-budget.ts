import { randomBytes } from 'node:crypto';
import { connectRedis, type RedisClient, type RedisConnection } from './client.js';

/** A request of a process that died counts as running for this long, milliseconds; no request takes longer. */
const LEASE = 60_000;
/** A Redis that does not answer for this long (milliseconds) must hold up no request. */
const PATIENCE = 1_000;
/** While Redis is away, it is asked once in this time, milliseconds: each question costs the patience. */
const ABSENCE = 10_000;

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * Enters a request into all its limits, or none; returns the milliseconds to wait, 0 if it was entered. A limit is a sorted
 * set of requests. The score is the end of a request, for one that runs the end of its lease: the server counts it at some
 * time before its end, so that it counts until `within` after it. The clock is that of Redis, which all processes share.
 */
const TAKE = `${NOW}
local wait = 0
for index, key in ipairs(KEYS) do
  local most, within = tonumber(ARGV[2 * index + 1]), tonumber(ARGV[2 * index + 2])
  local paused = redis.call('PTTL', key .. ':pause')
  if paused > wait then wait = paused end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - within)
  local count = redis.call('ZCARD', key)
  if count >= most then
    local first = redis.call('ZRANGE', key, count - most, count - most, 'WITHSCORES')
    wait = math.max(wait, tonumber(first[2]) + within - now)
  end
end
if wait > 0 then return wait end
for index, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + tonumber(ARGV[2]), ARGV[1])
  redis.call('PEXPIRE', key, tonumber(ARGV[2]) + tonumber(ARGV[2 * index + 2]))
end
return 0`;

const LEAVE = `${NOW}
for _, key in ipairs(KEYS) do redis.call('ZADD', key, 'XX', now, ARGV[1]) end`;

/** A pause never becomes shorter. */
const PAUSE = `if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end`;

/**
 * The limits of REST requests that all processes at one address share, in Redis. Without it each process keeps to the limits
 * of the exchange, and two of them together exceed these. While Redis is away, each goes on so.
 */
export class RestBudget {
  readonly #client: RedisClient;
  readonly #onTrouble: (message: string) => void;
  readonly #asking = new Set<Promise<unknown>>();
  #askFrom = 0;

  private constructor(client: RedisClient, onTrouble: (message: string) => void) {
    this.#client = client;
    this.#onTrouble = onTrouble;
  }

  /** Throws a `FailureError` if Redis cannot be reached. */
  static async open(connection: RedisConnection): Promise<RestBudget> {
    return new RestBudget(await connectRedis(connection), connection.onTrouble);
  }

  /** Takes a request from limits (requests within milliseconds) by their names, from all or none. */
  async take(
    limits: ReadonlyMap<string, { readonly requests: number; readonly within: number }>,
  ): Promise<(() => void) | number> {
    if (performance.now() < this.#askFrom) return () => {};
    const member = randomBytes(8).toString('hex');
    const keys = [...limits.keys()].map(keyOf);
    const rates = [...limits.values()].flatMap(({ requests, within }) => [`${requests}`, `${within}`]);
    const wait = await this.#ask(TAKE, keys, [member, `${LEASE}`, ...rates]);
    if (typeof wait === 'number' && wait > 0) return wait;
    return () => void this.#ask(LEAVE, keys, [member]);
  }

  pause(limit: string, milliseconds: number): void {
    void this.#ask(PAUSE, [`${keyOf(limit)}:pause`], [`${Math.ceil(milliseconds)}`]);
  }

  /** Waits until the end of each request is known: else others would count it until its lease ends. */
  async close(): Promise<void> {
    await Promise.all(this.#asking);
    this.#client.destroy();
  }

  async #ask(script: string, keys: string[], args: string[]): Promise<unknown> {
    const asking = this.#answer(script, keys, args);
    this.#asking.add(asking);
    try {
      return await asking;
    } finally {
      this.#asking.delete(asking);
    }
  }

  /** Returns the answer of a script, undefined from a Redis that does not answer. */
  async #answer(script: string, keys: string[], args: string[]): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('no answer')), PATIENCE);
      });
      const answer = await Promise.race([this.#client.eval(script, { keys, arguments: args }), late]);
      this.#askFrom = 0;
      return answer;
    } catch (error) {
      const isNew = this.#askFrom === 0;
      this.#askFrom = performance.now() + ABSENCE;
      if (isNew)
        this.#onTrouble(
          `the shared REST budget cannot be asked (${(error as Error).message}): this process keeps to its own limits`,
        );
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

function keyOf(limit: string): string {
  return `mdtool:rest:${limit}`;
}
