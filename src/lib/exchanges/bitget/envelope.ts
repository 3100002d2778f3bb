import { excerpt } from '../../model/ndjson.js';
import type { Market } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import type { FeedEvent, Frame } from '../exchange.js';
import { parseFrame } from './exact-json.js';
import { type Fields, isFields, type Mapped } from './fields.js';
import { productOf } from './products.js';
import { topicOf } from './protocols.js';

/** A data frame without its rows: what they are of, and when they were pushed. */
export type Push = {
  readonly market: Market;
  readonly argument: Fields;
  readonly action: 'snapshot' | 'update';
  /** Microseconds. */
  readonly timestamp: number | undefined;
};

/** Maps the rows of a data frame that arrived `at`. */
type ReadRows = (push: Push, rows: readonly unknown[], at: number) => Frame;

const PONG: Frame = { kind: 'pong' };

/** Reads what both protocols share (`pong`, answers, envelope of data) and hands the rows of data frames to `readRows`. */
export function readFrame(text: string, at: number, readRows: ReadRows): Frame {
  if (text === 'pong') return PONG;
  let message: unknown;
  try {
    message = parseFrame(text);
  } catch {
    return { kind: 'rejected', reason: `expected JSON or pong, was ${excerpt(text) || 'empty'}` };
  }
  if (!isFields(message)) return { kind: 'rejected', reason: `expected a JSON object, was ${excerpt(text)}` };
  if (message.event !== undefined) return answerOf(message);
  if (message.data === undefined && message.action === undefined) return { kind: 'unknown', what: `frame ${excerpt(text)}` };
  return dataOf(message, at, readRows);
}

function dataOf({ arg: argument, action, data, ts }: Fields, at: number, readRows: ReadRows): Frame {
  if (!isFields(argument)) return { kind: 'rejected', reason: `data: expected arg to be an object, was ${excerpt(argument)}` };
  if (typeof argument.instType !== 'string')
    return { kind: 'rejected', reason: `data: expected arg.instType to be text, was ${excerpt(argument.instType)}` };
  const product = productOf(argument.instType);
  if (!product) return { kind: 'unknown', what: `instType ${excerpt(argument.instType)}` };
  if (action !== 'snapshot' && action !== 'update')
    return { kind: 'rejected', reason: `data: expected action to be snapshot or update, was ${excerpt(action)}` };
  if (!Array.isArray(data)) return { kind: 'rejected', reason: `data: expected data to be a list, was ${excerpt(data)}` };
  return readRows({ market: product.market, argument, action, timestamp: fromMilliseconds(ts) }, data, at);
}

/**
 * Answers echo the argument they are about. Errors without one name it in the message
 * (`instType:SPOT,channel:trade,instId:XUSDT doesn't exist`) or are about the connection.
 */
function answerOf({ event, arg: argument, code, msg }: Fields): Frame {
  const topic = isFields(argument) ? topicOf(argument) : undefined;
  if (event === 'subscribe') return { kind: 'acknowledged', topic };
  if (event === 'error') return { kind: 'refused', topic: topic ?? topicIn(msg), reason: `${excerpt(code)} ${excerpt(msg)}` };
  if (event === 'unsubscribe' || event === 'login') return { kind: 'silent', what: event };
  return { kind: 'unknown', what: `event ${excerpt(event)}` };
}

const NAMED_TOPIC = /instType:([\w-]+),(?:channel|topic):(\w+),(?:instId|symbol):([^\s,]+)/;

function topicIn(message: unknown): string | undefined {
  const [, instType, channel, instId] = NAMED_TOPIC.exec(typeof message === 'string' ? message : '') ?? [];
  return instType && topicOf({ instType, channel, instId });
}

/** Returns the data frame of mapped rows. */
export function dataFrame(push: Push, { items, rejected }: Mapped<FeedEvent>, isHistory = false): Frame {
  const history = isHistory || undefined;
  return { kind: 'data', market: push.market, events: items, pushTimestamp: push.timestamp, history, rejected };
}

/** Returns the frame of candles that are known and not recorded. */
export function foreignCandles(interval: string): Frame {
  return { kind: 'silent', what: `candle ${interval}: its buckets do not begin where ours do in UTC` };
}

/** Returns `value` where it is a text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
