import { UsageError } from '../../model/errors.js';
import { MARKETS, type Market } from '../../model/records.js';
import type { Channel, ConnectionPlan, PlanOptions, Subscription } from '../exchange.js';
import { buildMessages } from './messages.js';
import { productOfSymbol } from './names.js';
import { type Product, productsOf } from './products.js';
import { type Argument, PROTOCOLS, type Protocol, topicOf, type WireFeed } from './protocols.js';

/** Channels per connection: the exchange advises fewer than 50; spot has run in production with 39. */
const CHANNELS_PER_CONNECTION: Readonly<Record<Market, number>> = { spot: 39, linear: 49, inverse: 49 };

/** One feed of the exchange and all subscriptions that it serves. */
type Topic = { readonly name: string; readonly argument: Argument; readonly subscriptions: Subscription[] };

/** Returns the protocol of an API version. Throws a `UsageError` that names those that exist. */
export function protocolOf(api: string): Protocol {
  const protocol = PROTOCOLS.get(api);
  if (!protocol) throw new UsageError(`api: expected ${[...PROTOCOLS.keys()].join(' or ')} on bitget, was "${api}"`);
  return protocol;
}

/** Returns what can be subscribed. Liquidations exist in v3 only, and only of contracts. */
export function channelsOf(market: Market, api: string): readonly Channel[] {
  const channels: Channel[] = ['trade', 'ticker', 'book', 'book_delta'];
  if (protocolOf(api).hasLiquidations && market !== 'spot') channels.push('liquidation');
  return [...channels, 'candle'];
}

/**
 * Returns the connections, one market each, that serve every subscription once. Subscriptions that one feed serves
 * (`book` and `book_delta` of a symbol, liquidations of a product line) share it. Throws a `UsageError` for what the
 * exchange does not publish.
 */
export function plan(subscriptions: readonly Subscription[], options: PlanOptions): readonly ConnectionPlan[] {
  const protocol = protocolOf(options.api);
  const { channelsPerConnection } = options;
  if (channelsPerConnection !== undefined && !(Number.isInteger(channelsPerConnection) && channelsPerConnection > 0))
    throw new UsageError(`channels per connection: expected a whole number above 0, was ${channelsPerConnection}`);
  return MARKETS.flatMap((market) => {
    const topics = topicsOf(
      subscriptions.filter((subscription) => subscription.market === market),
      protocol,
      options,
    );
    const limit = channelsPerConnection ?? CHANNELS_PER_CONNECTION[market];
    return chunksOf(topics, limit).map((chunk) => ({
      market,
      path: protocol.path,
      subscriptions: chunk.flatMap((topic) => topic.subscriptions),
      messages: buildMessages(
        'subscribe',
        chunk.map(({ argument }) => argument),
        options.argumentsPerMessage,
      ),
    }));
  });
}

function topicsOf(subscriptions: readonly Subscription[], protocol: Protocol, options: PlanOptions): Topic[] {
  const withDeltas = new Set(subscriptions.filter(({ channel }) => channel === 'book_delta').map(({ symbol }) => symbol));
  const topics = new Map<string, Topic>();
  const seen = new Set<string>();
  for (const subscription of subscriptions) {
    const { channel, symbol, interval } = subscription;
    const isNew = !seen.has(`${channel} ${symbol} ${interval}`);
    seen.add(`${channel} ${symbol} ${interval}`);
    const needsDeltas = withDeltas.has(symbol) || options.depth > protocol.topBook.levels;
    const feed = feedOf(subscription, protocol, options.api, needsDeltas);
    for (const [at, product] of productsFor(subscription).entries()) {
      const argument = protocol.argument(product, feed);
      const name = topicOf(argument);
      const topic = topics.get(name) ?? { name, argument, subscriptions: [] };
      topics.set(name, topic);
      if (isNew && at === 0) topic.subscriptions.push(subscription);
    }
  }
  return [...topics.values()];
}

/** A subscription is of one product line; liquidations without a symbol are of every line of the market. */
function productsFor({ market, channel, symbol }: Subscription): readonly Product[] {
  return channel === 'liquidation' && symbol === '' ? productsOf(market) : [productOfSymbol(symbol, market)];
}

function feedOf(subscription: Subscription, protocol: Protocol, api: string, needsDeltas: boolean): WireFeed {
  const { market, channel, symbol, interval } = subscription;
  if (!channelsOf(market, api).includes(channel)) throw lacking(subscription, api);
  switch (channel) {
    case 'trade':
      return { name: protocol.trade, symbol };
    case 'ticker':
      return { name: 'ticker', symbol };
    case 'book':
    case 'book_delta':
      return { name: needsDeltas ? 'books' : protocol.topBook.name, symbol };
    case 'liquidation':
      return { name: 'liquidation' };
    case 'candle': {
      const wireName = protocol.intervals.get(interval ?? '');
      if (wireName === undefined)
        throw new UsageError(
          `interval: bitget ${market} has candles of ${[...protocol.intervals.keys()].join(', ')} with api ${api}, was "${interval ?? ''}"`,
        );
      return protocol.candles(symbol, wireName);
    }
  }
}

function lacking({ market, channel }: Subscription, api: string): UsageError {
  const hint = channel === 'liquidation' && market !== 'spot' ? '; use --api v3' : '';
  return new UsageError(
    `channel: bitget ${market} has ${channelsOf(market, api).join(', ')} with api ${api}, was "${channel}"${hint}`,
  );
}

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  const chunks: Item[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}
