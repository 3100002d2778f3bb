import { excerpt } from '../../../model/ndjson.js';
import { fromMilliseconds } from '../../../model/time.js';
import { isFields } from '../../private-rows.js';
import type { PrivateFrame } from '../../private-side.js';
import type { Fields } from '../fields.js';
import { judgeSocket } from './codes.js';

type DataFrame = Extract<PrivateFrame, { kind: 'data' }>;

export const EMPTY: DataFrame = { kind: 'data', orders: [], fills: [], positions: [], balances: [], rejected: [] };

/** Reads what both generations share, and hands the rows of a push to `read`. */
export function readFrame(text: string, read: (argument: Fields, rows: readonly unknown[]) => PrivateFrame): PrivateFrame {
  if (text === 'pong') return { kind: 'pong' };
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {}
  if (!isFields(message)) return { kind: 'rejected', reason: `expected a JSON object or pong, was ${excerpt(text)}` };
  const { event, arg, data, code, msg, ts } = message;
  if (event === 'error') return { kind: 'refused', outcome: judgeSocket(code, msg) };
  // The code is the number 0 on the wire and the text "0" on the pages.
  if (event === 'login') return String(code) === '0' ? { kind: 'login' } : { kind: 'refused', outcome: judgeSocket(code, msg) };
  if (event === 'subscribe') return { kind: 'acknowledged' };
  if (event !== undefined) return { kind: 'unknown', what: `event ${excerpt(event)}` };
  if (!isFields(arg)) return { kind: 'unknown', what: `frame ${excerpt(text)}` };
  if (!Array.isArray(data)) return { kind: 'rejected', reason: `push: expected data to be a list, was ${excerpt(data)}` };
  const frame = read(arg, data);
  return frame.kind === 'data' ? { ...frame, time: fromMilliseconds(ts) } : frame;
}
