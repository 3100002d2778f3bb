import type { Protocol, Topic } from '../engine/exchange.js';
import { PUNCTUATION, type Session } from '../engine/session.js';
import type { Market } from '../market/listing.js';
import { writer } from './frames.js';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

/** Kline names: minutes, or D, W, M. */
export const INTERVALS: Readonly<Record<string, number>> = {
  ...Object.fromEntries([1, 3, 5, 15, 30, 60, 120, 240, 360, 720].map((minutes) => [String(minutes), minutes * MINUTE])),
  D: DAY,
  W: 7 * DAY,
  M: 30 * DAY,
};

const DEPTHS = [1, 50, 200, 1_000];

/** Returns the topic that an argument asks for, undefined where there is none. */
function topicOf(argument: string, market: Market): Topic | undefined {
  const [, channel, detail, symbol = ''] = /^([A-Za-z]+)(?:\.(\w+))?\.([^\s.]+)$/.exec(argument) ?? [];
  const topic = { key: argument, market, symbol, wire: argument };
  if (channel === 'publicTrade' && !detail) return { ...topic, kind: 'trade', channel };
  if (channel === 'tickers' && !detail) return { ...topic, kind: 'ticker', channel };
  if (channel === 'allLiquidation' && !detail && market !== 'spot') return { ...topic, kind: 'liquidation', channel };
  if (channel === 'orderbook' && DEPTHS.includes(Number(detail)))
    return { ...topic, kind: 'book', channel: `orderbook.${detail}`, depth: Number(detail), hasDeltas: detail !== '1' };
  const interval = channel === 'kline' ? INTERVALS[detail ?? ''] : undefined;
  return interval === undefined ? undefined : { ...topic, kind: 'candle', channel: `kline.${detail}`, interval };
}

/** What a connection to one market speaks: one answer per request, and all of a request or nothing. */
export function protocolOf(market: Market): Protocol {
  return {
    market,
    writer,
    tradeHistory: 0,
    candleHistory: 1,
    repeatsBestAfter: 3_000,
    overRate() {},
    strangeFrames: (now) => [
      `{"topic":"insurance.USDT","type":"delta","ts":${now},"data":[{"coin":"BTC","symbols":"BTCUSDT","balance":"1"}]}`,
      `{"topic":"brandNew.BTCUSDT","type":"delta","ts":${now},"data":{"s":"BTCUSDT","p":"1"}}`,
      `{"topic":"publicTrade.NOBODYUSDT","type":"snapshot","ts":${now},"data":[{"T":${now},"s":"NOBODYUSDT","S":"Buy","v":"1","p":"1","L":"PlusTick","i":"b7c7d9d4-0000-5000-b000-000000000001","BT":false,"RPI":false,"seq":1}]}`,
      '{"op":"notice","success":true,"ret_msg":"","conn_id":"d9avt8shteeprstrange"}',
    ],
    keyOf: (frame) => (JSON.parse(frame) as { topic?: string }).topic,
    receive(session, text) {
      const request = parse(text);
      if (request?.op === 'ping') {
        session.pinged();
        answer(session, market, { success: true, ret_msg: 'pong', op: 'ping' }, request.req_id);
      } else if (request?.op === 'subscribe' && request.args) subscribe(session, market, request.args, request.req_id);
      else if (request?.op === 'unsubscribe' && request.args) unsubscribe(session, market, request.args, request.req_id);
      else {
        session.violate('malformed-message', text.slice(0, 120));
        answer(
          session,
          market,
          { success: false, ret_msg: 'error:unknown request', op: String(request?.op ?? '') },
          request?.req_id,
        );
      }
    },
  };
}

type Request = { readonly op?: unknown; readonly req_id?: string; readonly args?: readonly string[] };

function parse(text: string): Request | undefined {
  try {
    const request = JSON.parse(text) as Request;
    const areTexts =
      request.args === undefined || (Array.isArray(request.args) && request.args.every((arg) => typeof arg === 'string'));
    return areTexts ? request : undefined;
  } catch {
    return undefined;
  }
}

type Answer = { readonly success: boolean; readonly ret_msg: string; readonly op: string };

function answer(session: Session, market: Market, content: Answer, request: string | undefined): void {
  session.control(answerText(session, market, content, request));
}

/** Contracts always carry `req_id`, empty where the request had none; spot leaves it out then. */
function answerText(session: Session, market: Market, { success, ret_msg, op }: Answer, request: string | undefined): string {
  const id = request !== undefined ? { req_id: request } : market === 'spot' ? {} : { req_id: '' };
  return JSON.stringify({ success, ret_msg, conn_id: session.connectionId, ...id, op });
}

function subscribe(session: Session, market: Market, args: readonly string[], request: string | undefined): void {
  const topics = args.map((arg) => topicOf(arg, market));
  const reason = refusalOf(session, market, args, topics);
  const message = reason ?? (market === 'spot' ? 'subscribe' : '');
  const content = { success: reason === undefined, ret_msg: message, op: 'subscribe' };
  session.answers()(answerText(session, market, content, request));
  if (reason !== undefined) session.refused(args, true);
  else for (const topic of topics) if (topic) session.subscribe(topic);
}

/** Returns why the whole request is refused, undefined where it is not. */
function refusalOf(
  session: Session,
  market: Market,
  args: readonly string[],
  topics: readonly (Topic | undefined)[],
): string | undefined {
  const { limits, faults } = session.host;
  const most = limits.argumentsPerMessage?.[market];
  if (most !== undefined && args.length > most) {
    session.violate('arguments-per-message', `${args.length} on ${market}`);
    return `args size >${most}`;
  }
  const characters = args.reduce((sum, { length }) => sum + length + PUNCTUATION, session.argumentCharacters);
  if (limits.argumentCharacters !== undefined && characters > limits.argumentCharacters) {
    session.violate('argument-characters', `${characters} characters of arguments`);
    return `args length exceeds ${limits.argumentCharacters}`;
  }
  if (!session.admitsSubscribe()) return 'error:too many requests';
  if (faults.takeBatch()) return 'error:request rejected';
  const bad = args.find((_, at) => !isListed(session, topics[at]));
  if (bad !== undefined) return market === 'spot' ? `Invalid symbol :[${bad}]` : `error:handler not found,topic:${bad}`;
  const known = args.find((arg, at) => session.topics.has(arg) || args.indexOf(arg) !== at);
  if (known === undefined) return undefined;
  session.repeated(known);
  return `error:already subscribed,topic:${known}`;
}

function isListed({ host, path }: Session, topic: Topic | undefined): boolean {
  if (!topic || !host.serves(path, topic) || host.faults.refuses(topic.market, topic.symbol)) return false;
  const status = host.market.find(topic.market, topic.symbol)?.listing.status;
  return status === 'trading' || status === 'settling';
}

function unsubscribe(session: Session, market: Market, args: readonly string[], request: string | undefined): void {
  for (const arg of args) {
    const topic = session.topics.get(arg);
    if (topic) session.unsubscribe(topic);
    else session.notSubscribed(arg);
  }
  answer(session, market, { success: true, ret_msg: market === 'spot' ? 'subscribe' : '', op: 'unsubscribe' }, request);
}
