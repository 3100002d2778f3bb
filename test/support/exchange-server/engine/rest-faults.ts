import type { ServerResponse } from 'node:http';
import type { RestAnswer } from './rest.js';

/** When the exchange wants to be asked again: seconds from now, written as such or as an HTTP date. */
export type RetryAfter = { readonly seconds: number; readonly form?: 'seconds' | 'date' };

/**
 * What a scripted HTTP answer is: a status and body of the test's own, the exchange's refusal of an endpoint's or the whole
 * host's limit (Bitget 429 both, Bybit 10006 in a 200 and 403), nothing ever, a cut, a page of HTML with status 200. Or the
 * right answer of that moment: late, byte by byte, only the first half of its text, or cut off in the middle of the body.
 */
export type HttpFault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>> | undefined;
    }
  | { readonly kind: 'late' | 'dribbled'; readonly milliseconds: number }
  | { readonly kind: 'rate-limit' | 'host-limit'; readonly retryAfter?: RetryAfter; readonly status?: 429 | 503 }
  | { readonly kind: 'hang' | 'cut' | 'html' | 'half' | 'cut-body' };

/**
 * How a REST list deviates from the truth: it lacks the trades of the last `lag` milliseconds, or has only its first `rows`
 * rows (0 for an empty list), or takes the range of the request otherwise than documented. Either may last for the next
 * `times` requests, else until it is taken back.
 */
export type ListFault = {
  readonly lag?: number;
  readonly rows?: number;
  readonly range?: RangeFault;
  readonly times?: number;
  readonly path: RegExp;
};

/**
 * How a range is counted: its ends moved by milliseconds (1 makes an inclusive start exclusive and an exclusive end
 * inclusive) or ignored, and a cursor of ids that includes the id itself.
 */
type RangeFault = {
  readonly start?: number | 'ignored';
  readonly end?: number | 'ignored';
  readonly hasInclusiveCursor?: boolean;
};

const STARTS = ['start', 'startTime'];
const ENDS = ['end', 'endTime'];
const CURSOR = 'idLessThan';

/** Returns the query as the fault lets the exchange understand it. */
export function rangeOf(query: URLSearchParams, fault: RangeFault | undefined): URLSearchParams {
  if (!fault) return query;
  const understood = new URLSearchParams(query);
  move(understood, STARTS, fault.start);
  move(understood, ENDS, fault.end);
  const cursor = query.get(CURSOR);
  if (fault.hasInclusiveCursor && cursor) understood.set(CURSOR, String(BigInt(cursor) + 1n));
  return understood;
}

function move(query: URLSearchParams, names: readonly string[], by: number | 'ignored' | undefined): void {
  for (const name of names) {
    const value = query.get(name);
    if (by === undefined || !value) continue;
    if (by === 'ignored') query.delete(name);
    else query.set(name, String(Math.max(0, Number(value) + by)));
  }
}

/** Returns the `Retry-After` header of a refusal that is sent now. */
export function retryAfterHeader({ seconds, form = 'seconds' }: RetryAfter): Readonly<Record<string, string>> {
  const text = form === 'seconds' ? String(seconds) : new Date(Date.now() + seconds * 1_000).toUTCString();
  return { 'retry-after': text };
}

/** What a proxy in front of an exchange shows while it is overloaded, with status 200. */
export const HTML = '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>';

/** Milliseconds between two pieces of a dribbled body. */
const DRIBBLE = 10;

/** Sends an answer as the fault of the request wants it. */
export function deliver(response: ServerResponse, answer: RestAnswer, fault: HttpFault | undefined): void {
  const { status, headers, body } = answer;
  const bytes = Buffer.from(body);
  const head = (type = 'application/json'): ServerResponse => response.writeHead(status, { 'content-type': type, ...headers });
  if (fault?.kind === 'html') head('text/html').end(HTML);
  else if (fault?.kind === 'half') head().end(bytes.subarray(0, bytes.length >> 1));
  else if (fault?.kind === 'cut-body') {
    response.setHeader('content-length', bytes.length);
    head().write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
  } else if (fault?.kind === 'dribbled') {
    response.setHeader('content-length', bytes.length);
    dribble(head(), bytes, fault.milliseconds);
  } else head().end(body);
}

/** Sends a body byte by byte, or in as small pieces as the time allows. */
function dribble(response: ServerResponse, bytes: Buffer, milliseconds: number): void {
  const size = Math.max(1, Math.ceil((bytes.length * DRIBBLE) / milliseconds));
  let sent = 0;
  const timer = setInterval(() => {
    if (response.destroyed) return clearInterval(timer);
    response.write(bytes.subarray(sent, sent + size));
    sent += size;
    if (sent < bytes.length) return;
    clearInterval(timer);
    response.end();
  }, DRIBBLE);
}
