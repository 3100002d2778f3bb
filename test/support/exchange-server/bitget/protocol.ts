import type { FrameWriter, Protocol, Topic } from '../engine/exchange.js';
import type { Session } from '../engine/session.js';
import { type Argument, keyOf, type Naming, topicOf } from './topics.js';

const ILLEGAL = { code: 30002, msg: 'Illegal request' };
const UNKNOWN_OP = { code: 30003, msg: 'Invalid op' };
const TOO_MANY = { code: 30006, msg: 'The request is too frequent' };
const OVER_LIMIT = { code: 30007, msg: 'The request exceeds the limit and the connection is closed' };
const PARAMETER = { code: 30016, msg: 'Param error', op: 'subscribe' };
const LOGIN_FAILED = { code: 30005, msg: 'Login failed' };

/** What a connection to `/v2/ws/public` or `/v3/ws/public` speaks: one answer per argument, refusals leave the rest alone. */
export function protocolOf(naming: Naming, writer: FrameWriter): Protocol {
  return {
    writer,
    tradeHistory: 50,
    candleHistory: 100,
    strangeFrames: (now) => strangeFrames(naming, now),
    overRate: (session) => fail(session, OVER_LIMIT),
    keyOf(frame) {
      const { arg, data } = JSON.parse(frame) as { arg?: Argument; data?: unknown };
      return arg && data !== undefined ? keyOf(arg, naming) : undefined;
    },
    receive(session, text) {
      if (text === 'ping') {
        session.pinged();
        session.control('pong');
        return;
      }
      const request = parse(text);
      if (!request) return malformed(session, text, ILLEGAL);
      if (request.op === 'subscribe') return subscribe(session, request.args, naming);
      if (request.op === 'unsubscribe') return unsubscribe(session, request.args, naming);
      if (request.op !== 'login') return malformed(session, text, UNKNOWN_OP);
      fail(session, LOGIN_FAILED);
      session.close(1000, 'login failed');
    },
  };
}

function strangeFrames({ channel, symbol, isLowerCase, trade }: Naming, now: number): string[] {
  const argument = (name: string, of: string) =>
    JSON.stringify({ instType: isLowerCase ? 'usdt-futures' : 'USDT-FUTURES', [channel]: name, [symbol]: of });
  const row = isLowerCase
    ? `{"i":"1487000000000000001","p":"1","v":"1","S":"buy","T":"${now}","L":"1487000000000000007","isRPI":"no"}`
    : `{"ts":"${now}","price":"1","size":"1","side":"buy","tradeId":"1487000000000000001"}`;
  return [
    `{"action":"update","arg":${argument('brand-new', 'BTCUSDT')},"data":[{"p":"1","price":"1"}],"ts":${now}}`,
    `{"action":"update","arg":${argument(trade, 'NOBODYUSDT')},"data":[${row}],"ts":${now}}`,
    '{"event":"notice","code":"0","msg":"maintenance at noon"}',
  ];
}

type Request = { readonly op: unknown; readonly args: readonly Argument[] };

function parse(text: string): Request | undefined {
  try {
    const { op, args } = JSON.parse(text) as { op?: unknown; args?: unknown };
    return Array.isArray(args) && args.every((arg) => typeof arg === 'object' && arg !== null) ? { op, args } : undefined;
  } catch {
    return undefined;
  }
}

function malformed(session: Session, text: string, error: object): void {
  session.violate('malformed-message', text.slice(0, 120));
  fail(session, error);
}

function fail(session: Session, error: object): void {
  session.control(JSON.stringify({ event: 'error', ...error }));
}

function subscribe(session: Session, args: readonly Argument[], naming: Naming): void {
  const refusal = refusalOfAll(session, args);
  if (refusal) {
    fail(session, refusal);
    session.refused(
      args.map((argument) => keyOf(argument, naming)),
      false,
    );
  } else {
    const answer = session.answers();
    for (const argument of args) subscribeOne(session, argument, naming, answer);
  }
}

/** Returns why nothing of a message is looked at, undefined where it is. */
function refusalOfAll(session: Session, args: readonly Argument[]): object | undefined {
  const { limits, faults } = session.host;
  const bytes = Buffer.byteLength(JSON.stringify(args));
  if (limits.messageBytes !== undefined && bytes > limits.messageBytes) {
    session.violate('message-bytes', `a channel list of ${bytes} bytes`);
    return ILLEGAL;
  }
  return !session.admitsSubscribe() || faults.takeBatch() ? TOO_MANY : undefined;
}

/** A channel that is subscribed already is confirmed again, as far as is known; no client should ask. */
function subscribeOne(session: Session, argument: Argument, naming: Naming, answer: (text: string) => void): void {
  const topic = topicOf(argument, naming);
  const refusal = refusalOfOne(session, argument, topic, naming);
  if (!topic || refusal) {
    answer(JSON.stringify({ event: 'error', arg: argument, ...(refusal ?? PARAMETER) }));
    session.refused([keyOf(argument, naming)], true);
    return;
  }
  answer(JSON.stringify({ event: 'subscribe', arg: argument }));
  if (session.topics.has(topic.key)) session.repeated(topic.key);
  else session.subscribe(topic);
}

function refusalOfOne(session: Session, argument: Argument, topic: Topic | undefined, naming: Naming): object | undefined {
  if (!topic) return PARAMETER;
  if (!isListed(session, topic)) return missing(argument, naming);
  const { channelsPerConnection = Number.POSITIVE_INFINITY } = session.host.limits;
  if (session.topics.size < channelsPerConnection) return undefined;
  session.violate('channels-per-connection', `more than ${channelsPerConnection}`);
  return TOO_MANY;
}

function isListed({ host, path }: Session, topic: Topic): boolean {
  if (!host.serves(path, topic)) return false;
  if (topic.symbol === '') return true;
  const found = host.market.find(topic.market, topic.symbol);
  if (!found || !topic.covers?.(found.listing) || host.faults.refuses(topic.market, topic.symbol)) return false;
  return found.listing.status !== 'closed' && found.listing.status !== 'prelisting';
}

function missing(argument: Argument, { channel, symbol }: Naming): object {
  const names = `instType:${argument.instType},${channel}:${argument[channel]},${symbol}:${argument[symbol]}`;
  return { code: 30001, msg: `${names} doesn't exist` };
}

function unsubscribe(session: Session, args: readonly Argument[], naming: Naming): void {
  for (const argument of args) {
    const topic = session.topics.get(keyOf(argument, naming));
    if (topic) session.unsubscribe(topic);
    else session.notSubscribed(keyOf(argument, naming));
    session.control(JSON.stringify({ event: 'unsubscribe', arg: argument }));
  }
}
