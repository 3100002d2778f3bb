import type { Exchange, Origins } from '../exchanges/exchange.js';
import { UsageError } from '../model/errors.js';
import type { Market } from '../model/records.js';
import type { Settings } from './settings.js';

/** Returns a market's origins; settings override them (tests, proxies, regional hosts). */
export function endpointsOf(exchange: Exchange, settings: Settings, market: Market): Origins {
  const own = exchange.origins(market);
  const origin = (key: string, standard: string, protocols: readonly string[]) => {
    const setting = settings.section('endpoints', `${exchange.id}_${key}`);
    return setting ? checkedOrigin(String(setting.value), setting.source, protocols) : standard;
  };
  return {
    rest: origin('rest_url', own.rest, ['http:', 'https:']),
    websocket: origin('ws_url', own.websocket, ['ws:', 'wss:']),
  };
}

function checkedOrigin(text: string, source: string, protocols: readonly string[]): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bare = url && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.host !== '';
  if (url && bare && protocols.includes(url.protocol)) return `${url.protocol}//${url.host}`;
  const expected = protocols.map((protocol) => `${protocol}//host[:port]`).join(' or ');
  throw new UsageError(`${source}: expected an origin such as ${expected}, was "${text}"`);
}
