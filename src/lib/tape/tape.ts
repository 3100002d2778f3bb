import type { FrameBytes } from '../exchanges/exchange.js';
import { excerpt } from '../model/ndjson.js';

export type { FrameBytes } from '../exchanges/exchange.js';

/** First line of a tape. `recording` is the same in all parts of a rotated recording; connections continue across them. */
export type TapeHeader = { readonly exchange: string; readonly recording?: string | undefined };

/**
 * An event on the wire at `at` (local microseconds): the only input of the capture, live or from a tape. `connection` is the
 * id of a connection within the run.
 */
export type WireEvent =
  /** `continued`: the connection was opened in an earlier part of the recording. */
  | {
      readonly kind: 'connect';
      readonly at: number;
      readonly connection: string;
      readonly url: string;
      readonly continued?: boolean | undefined;
    }
  | { readonly kind: 'sent'; readonly at: number; readonly connection: string; readonly text: string }
  /** Bytes if available: they parse faster than text. */
  | { readonly kind: 'frame'; readonly at: number; readonly connection: string; readonly content: string | FrameBytes }
  | { readonly kind: 'close'; readonly at: number; readonly connection: string; readonly code: number }
  | { readonly kind: 'http'; readonly at: number; readonly url: string; readonly status: number; readonly body: string };

/** Close code of a connection that the run ended because nothing arrived; in the range that RFC 6455 leaves to applications. */
export const STALE_CODE = 4408;
/** Close code of a connection that ended without a close frame. */
export const ABNORMAL_CODE = 1006;

/**
 * A tape line that is no event. It is counted by its `reason` and reported, and never stops the run. `sentence` adds the line
 * number and an excerpt.
 */
export type BrokenLine = {
  readonly kind: 'broken';
  readonly line: number;
  readonly reason: string;
  readonly sentence: string;
};

export type TapeEntry = WireEvent | BrokenLine;

/** An open tape: its header, and its entries in batches. */
export type Tape = {
  readonly path: string;
  readonly header: TapeHeader;
  readonly batches: AsyncIterable<readonly TapeEntry[]>;
};

/** Returns a buffer as the type that frame readers take: the declaration of Buffer lacks the decoders of Node. */
export function frameBytes(bytes: Uint8Array): FrameBytes {
  return bytes as unknown as FrameBytes;
}

/** Returns the text of a frame. */
export function textOf(content: string | FrameBytes): string {
  return typeof content === 'string' ? content : content.toString('utf8');
}

/** Returns the header in the first line of a tape, or the reason why it is not one. */
export function parseHeader(line: string): TapeHeader | string {
  const fields = parseObject(line);
  if (!fields || !('tape' in fields)) return `expected a tape, whose first line is {"tape":1,"exchange":…}, was ${excerpt(line)}`;
  if (fields.tape !== 1) return `expected tape version 1, was ${excerpt(fields.tape)}`;
  if (typeof fields.exchange !== 'string') return 'the tape does not name its exchange';
  return {
    exchange: fields.exchange,
    recording: typeof fields.recording === 'string' ? fields.recording : undefined,
  };
}

/** Returns the entry of a tape line. `number` is the line number, from 1; `scope` distinguishes the connections of two tapes. */
export function parseTapeLine(line: string, number: number, scope: string): TapeEntry {
  const fields = parseObject(line);
  if (!fields) return brokenLine(line, number, 'expected a JSON object');
  return entryOf(fields, scope) ?? brokenLine(line, number, 'expected a tape line');
}

function brokenLine(line: string, number: number, reason: string): BrokenLine {
  return { kind: 'broken', line: number, reason, sentence: `line ${number}: ${reason}, was ${excerpt(line)}` };
}

function entryOf(fields: Record<string, unknown>, scope: string): TapeEntry | undefined {
  const { at } = fields;
  if (typeof at !== 'number' || !Number.isSafeInteger(at) || at < 0) return undefined;
  if (typeof fields.http === 'string') return httpEntry(fields, at, fields.http);
  const { connection: id, frame, sent, connect, close } = fields;
  if (typeof id !== 'number' && typeof id !== 'string') return undefined;
  const connection = `${scope}${id}`;
  if (typeof frame === 'string') return { kind: 'frame', at, connection, content: frame };
  if (typeof sent === 'string') return { kind: 'sent', at, connection, text: sent };
  if (typeof connect === 'string')
    return { kind: 'connect', at, connection, url: connect, ...(fields.continued === true && { continued: true }) };
  if (typeof close === 'number') return { kind: 'close', at, connection, code: close };
  return undefined;
}

function httpEntry(fields: Record<string, unknown>, at: number, url: string): TapeEntry | undefined {
  const { status = 200, body } = fields;
  if (typeof body !== 'string' || typeof status !== 'number') return undefined;
  return { kind: 'http', at, url, status, body };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
