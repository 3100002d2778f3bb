import { excerpt } from '../../model/ndjson.js';
import type { Frame } from '../exchange.js';
import { type Fields, filled } from './fields.js';

/**
 * Returns what a frame without a topic says: the answer to a subscription, told apart by `req_id` since it does not name
 * its topics, or to a heartbeat (`op` stays `ping` on the sockets that we use, and is `pong` on others).
 *
 * One answer covers a whole request: when Bybit refuses one topic, none of that message's topics is subscribed.
 */
export function answerOf(frame: Fields): Frame {
  const { op, success } = frame;
  const request = filled(frame.req_id);
  const message = filled(frame.ret_msg);
  if (op === 'pong' || message === 'pong') return { kind: 'pong' };
  if (success === false) return { kind: 'refused', request, topic: blamed(message), reason: message ?? 'no reason given' };
  if (success === true && (op === 'subscribe' || op === 'unsubscribe')) return { kind: 'acknowledged', request };
  return { kind: 'unknown', what: `answer ${excerpt(filled(op) ?? 'without op')}` };
}

/** `error:already subscribed,topic:publicTrade.BTCUSDT` names the topic that spoilt the request. */
function blamed(message: string | undefined): string | undefined {
  return message === undefined ? undefined : /,topic:(\S+)$/.exec(message)?.[1];
}
