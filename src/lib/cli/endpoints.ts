import type { Exchange, Origins } from '../exchanges/exchange.js';
import type { PrivateSide, TradingMode } from '../exchanges/private-side.js';
import { UsageError } from '../model/errors.js';
import type { Market } from '../model/records.js';
import type { ENDPOINT_KEYS } from './setting-names.js';
import type { Settings } from './settings.js';

type EndpointKey = (typeof ENDPOINT_KEYS)[number];

/** Returns a market's origins; settings override them (tests, proxies, regional hosts). */
export function endpointsOf(exchange: Exchange, settings: Settings, market: Market): Origins {
  const own = exchange.origins(market);
  return {
    rest: setOrigin(exchange, settings, 'rest_url') ?? own.rest,
    websocket: setOrigin(exchange, settings, 'ws_url') ?? own.websocket,
  };
}

/**
 * Returns where signed requests of a mode go. A demo side on the live host follows the setting of the live one.
 */
export function privateEndpoints(exchange: Exchange, side: PrivateSide, settings: Settings, mode: TradingMode): Origins {
  const set = (key: EndpointKey) => setOrigin(exchange, settings, key);
  const { live, demo } = side.origins;
  if (mode === 'live') return { rest: set('rest_url') ?? live.rest, websocket: set('private_ws_url') ?? live.websocket };
  const shared = demo.rest === live.rest ? set('rest_url') : undefined;
  return { rest: set('demo_rest_url') ?? shared ?? demo.rest, websocket: set('demo_ws_url') ?? demo.websocket };
}

/** Returns the origin that the user has set, undefined where none is. */
function setOrigin({ id }: Exchange, settings: Settings, key: EndpointKey): string | undefined {
  const setting = settings.section('endpoints', `${id}_${key}`);
  const protocols = key.endsWith('ws_url') ? ['ws:', 'wss:'] : ['http:', 'https:'];
  return setting && checkedOrigin(String(setting.value), setting.source, protocols);
}

function checkedOrigin(text: string, source: string, protocols: readonly string[]): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bare = url && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.host !== '';
  if (url && bare && protocols.includes(url.protocol)) return `${url.protocol}//${url.host}`;
  const expected = protocols.map((protocol) => `${protocol}//host[:port]`).join(' or ');
  throw new UsageError(`${source}: expected an origin such as ${expected}, was "${text}"`);
}
