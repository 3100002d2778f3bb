import type { Market } from '../../model/records.js';
import type { OutgoingMessage } from '../exchange.js';
import type { Operation } from '../live-protocol.js';

/** More than 10 are refused on spot; contracts have no documented limit (v5 page "Connect", "Args limits"). */
const TOPICS_PER_MESSAGE: Readonly<Record<Market, number>> = { spot: 10, linear: 100, inverse: 100 };

/** What an unsubscription's id begins with, so that its answer is not mistaken for that of a subscription. */
const UNSUBSCRIBE = '-';

/**
 * Returns the messages for these topics. The first topic is the request's id: whenever that was planned, no other message
 * of the connection that waits for its answer has it.
 */
export function buildMessages(
  operation: Operation,
  topics: readonly string[],
  market: Market,
  topicsPerMessage = TOPICS_PER_MESSAGE[market],
): OutgoingMessage[] {
  const planned: OutgoingMessage[] = [];
  // A setting must not lead over the exchange's own limit.
  const most = market === 'spot' ? Math.min(topicsPerMessage, TOPICS_PER_MESSAGE.spot) : topicsPerMessage;
  for (let start = 0; start < topics.length; start += most) {
    const args = topics.slice(start, start + most);
    const request = `${operation === 'unsubscribe' ? UNSUBSCRIBE : ''}${args[0]}`;
    planned.push({ text: JSON.stringify({ req_id: request, op: operation, args }), topics: args, request });
  }
  return planned;
}
