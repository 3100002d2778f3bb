import { endpointsOf } from '../../lib/cli/endpoints.js';
import type { Settings } from '../../lib/cli/settings.js';
import type { Exchange } from '../../lib/exchanges/exchange.js';
import { UnreachableError } from '../../lib/model/errors.js';
import type { HttpClient } from '../../lib/transport/http.js';
import { openSocket } from '../../lib/transport/socket.js';
import { type Finding, fail, ok, warn } from './finding.js';

/** Milliseconds for a connect. */
const PATIENCE = 5_000;
/** Requests for the time; the quickest answer is the most accurate. */
const QUESTIONS = 3;
/** Milliseconds. Signed requests of Bybit are refused by a clock one second ahead; capture orders by exchange time. */
const LARGEST_OFFSET = 1_000;

type ExchangeCheck = {
  readonly client: HttpClient;
  readonly settings: Settings;
  readonly userAgent: string;
  readonly signal: AbortSignal;
};

/** Checks REST, clock and WebSocket of an exchange, once for each host that its markets use. */
export async function checkExchange(exchange: Exchange, check: ExchangeCheck): Promise<Finding[]> {
  const origins = exchange.markets.map((market) => ({ market, ...endpointsOf(exchange, check.settings, market) }));
  const rest = [...new Set(origins.map((origin) => origin.rest))];
  const sockets = origins.filter(({ websocket }, index) => origins.findIndex((other) => other.websocket === websocket) === index);
  const asked = rest.map((origin) => restFinding(exchange, origin, check));
  const connected = sockets.map(({ market, websocket }) => socketFinding(exchange, pathOf(exchange, market), websocket, check));
  return await Promise.all([...asked, ...connected]);
}

async function restFinding(exchange: Exchange, origin: string, { client }: ExchangeCheck): Promise<Finding> {
  const { clock, id } = exchange;
  const { host } = new URL(origin);
  if (clock === undefined) return warn(id, `${host}: not asked; mdtool knows no request for its time`);
  try {
    const answers = [];
    for (let asked = 0; asked < QUESTIONS; asked++) {
      const sent = Date.now();
      const body = await client.get(origin, clock.request, (answer) => exchange.rest.judge(answer, Date.now()));
      const took = Date.now() - sent;
      answers.push({ took, offset: clock.parse(body) / 1_000 - (sent + took / 2) });
    }
    const [{ took, offset }] = answers.sort((a, b) => a.took - b.took) as [{ took: number; offset: number }];
    return clockFinding(id, `${host} answers in ${took} ms`, offset, took / 2);
  } catch (error) {
    return fail(id, reasonOf(error));
  }
}

/** `offset` and `accuracy` are milliseconds; a positive offset means that the exchange is ahead. */
function clockFinding(id: string, text: string, offset: number, accuracy: number): Finding {
  const size = Math.round(Math.abs(offset));
  const clock = `this clock is ${size} ms ${offset > 0 ? 'behind' : 'ahead'} (± ${Math.ceil(accuracy)} ms)`;
  if (size <= LARGEST_OFFSET + accuracy) return ok(id, `${text}; ${clock}`);
  return fail(id, `${text}; ${clock}: set it by NTP, or records of this machine and signed requests are wrong`);
}

/** Returns the path of the exchange's public socket for a market. */
function pathOf(exchange: Exchange, market: Exchange['markets'][number]): string {
  const [api] = exchange.apis as readonly [string];
  const [plan] = exchange.plan([{ market, channel: 'trade', symbol: 'BTCUSDT' }], { api, depth: 1 });
  return plan?.path ?? '/';
}

async function socketFinding(exchange: Exchange, path: string, origin: string, check: ExchangeCheck): Promise<Finding> {
  const { signal, userAgent } = check;
  const { host } = new URL(origin);
  const began = Date.now();
  try {
    const ignore = () => {};
    const socket = await openSocket(`${origin}${path}`, {
      connectTimeout: PATIENCE,
      userAgent,
      onFrame: ignore,
      onClose: ignore,
      signal,
    });
    socket.terminate();
    return ok(exchange.id, `${host} accepts WebSockets in ${Date.now() - began} ms`);
  } catch (error) {
    return fail(exchange.id, reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof UnreachableError) return error.message;
  return (error as Error).message;
}
