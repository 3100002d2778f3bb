import type { Exchange } from '../exchanges/exchange.js';
import { EXCHANGES } from '../exchanges/index.js';
import { UsageError } from '../model/errors.js';
import { MARKETS, type Market } from '../model/records.js';
import { connectRedis } from '../redis/client.js';
import { parseRedisInput } from '../redis/stream-source.js';
import { ABNORMAL_CODE, type Tape, type WireEvent } from './tape.js';

const SHAPE = 'redis://host:port/CHANNEL?market=linear, such as redis://localhost/stream:bybit_*?market=linear';

/** Channels of one market whose messages are the frames of an exchange. */
type FrameChannels = {
  readonly url: string;
  readonly pattern: string;
  readonly name: string;
  readonly exchange: Exchange;
  /** Where such frames come from; its path shows the reader market and version. */
  readonly source: string;
};

/**
 * Opens Pub/Sub channels of a Redis as a tape that is being recorded: one connection to the exchange whose frames arrive
 * until `stopped`. A lost Redis is a lost connection: what was published meanwhile is a gap. Throws a `UsageError` or a
 * `FailureError`.
 */
export async function openRedisTape(path: string, scope: string, stopped: AbortSignal | undefined): Promise<Tape> {
  const channels = parseFrameChannels(path);
  const events = new Arrivals();
  const connection = `${scope}redis`;
  const now = () => Date.now() * 1000;
  const client = await connectRedis({ url: channels.url, flag: '--replay', onTrouble: () => {} });
  const connect = () => events.add({ kind: 'connect', at: now(), connection, url: channels.source });
  connect();
  let isOpen = true;
  client.on('ready', () => {
    if (!isOpen) connect();
    isOpen = true;
  });
  client.on('error', () => {
    if (isOpen) events.add({ kind: 'close', at: now(), connection, code: ABNORMAL_CODE });
    isOpen = false;
  });
  await client.pSubscribe(channels.pattern, (text) => events.add({ kind: 'frame', at: now(), connection, content: text }));
  const end = () => {
    client.destroy();
    events.end();
  };
  if (stopped?.aborted) end();
  stopped?.addEventListener('abort', end, { once: true });
  return { path: channels.name, header: { exchange: channels.exchange.id }, batches: events };
}

function parseFrameChannels(path: string): FrameChannels {
  const { url, key, parameters, name } = parseRedisInput(path, process.env);
  const exchange = EXCHANGES.find(({ id }) => new RegExp(`(^|[^a-z])${id}_`).test(key));
  if (!exchange) throw new UsageError(`${name}: expected a channel of ${EXCHANGES.map(({ id }) => id).join(' or ')}: ${SHAPE}`);
  const wanted = parameters.get('market') ?? MARKETS.find((market) => new RegExp(`(^|[^a-z])${market}([^a-z]|$)`).test(key));
  const market = MARKETS.find((one) => one === wanted);
  if (!market) throw new UsageError(`${name}: expected market=${MARKETS.join(' or market=')}: frames do not say their market`);
  return { url, pattern: key, name, exchange, source: sourceOf(exchange, market, parameters.get('api') ?? undefined) };
}

function sourceOf(exchange: Exchange, market: Market, api = exchange.apis[0] ?? ''): string {
  const [plan] = exchange.plan([{ market, channel: 'trade', symbol: 'BTCUSDT' }], { api, depth: 1 });
  return `${exchange.origins(market).websocket}${plan?.path ?? ''}`;
}

/** Events in the order of their arrival; a reader gets all that have arrived. */
class Arrivals implements AsyncIterable<readonly WireEvent[]> {
  #events: WireEvent[] = [];
  #isEnded = false;
  #wake: (() => void) | undefined;

  add(event: WireEvent): void {
    this.#events.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly WireEvent[]> {
    for (;;) {
      const events = this.#events;
      this.#events = [];
      if (events.length > 0) yield events;
      else if (this.#isEnded) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
