import type { OutgoingMessage } from '../exchange.js';
import type { Operation } from '../live-protocol.js';
import { type Argument, topicOf } from './protocols.js';

/** What ran in production; the exchange limits bytes, not arguments. */
const ARGUMENTS_PER_MESSAGE = 19;
const MESSAGE_BYTES = 4096;

/**
 * Returns the messages that ask for these arguments: at most 19 each, or as many as the setting says, and never over the
 * 4096 bytes that the exchange allows.
 */
export function buildMessages(
  operation: Operation,
  args: readonly Argument[],
  argumentsPerMessage = ARGUMENTS_PER_MESSAGE,
): OutgoingMessage[] {
  const messages: OutgoingMessage[] = [];
  let batch: Argument[] = [];
  for (const argument of args) {
    const fits = batch.length < argumentsPerMessage && byteLength(textOf(operation, [...batch, argument])) <= MESSAGE_BYTES;
    if (!fits && batch.length > 0) {
      messages.push(buildMessage(operation, batch));
      batch = [];
    }
    batch.push(argument);
  }
  if (batch.length > 0) messages.push(buildMessage(operation, batch));
  return messages;
}

function buildMessage(operation: Operation, args: readonly Argument[]): OutgoingMessage {
  return { text: textOf(operation, args), topics: args.map(topicOf) };
}

function textOf(operation: Operation, args: readonly Argument[]): string {
  return JSON.stringify({ op: operation, args });
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
