import { frameBytes, type WireEvent } from './tape.js';

const HEAD = Buffer.from('{"at":');
const CONNECTION = Buffer.from(',"connection":');
const FRAME = Buffer.from(',"frame":"');
const NONE = -1;
const QUOTE = 34;
const SLASH = 47;
const ZERO = 48;
const BACKSLASH = 92;
const CLOSE_OBJECT = 125;
/** Whether a byte of a string stands for itself. A table: four comparisons of each byte took a quarter longer. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 32 && byte <= 126 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);

type FrameEvent = Extract<WireEvent, { kind: 'frame' }>;

/**
 * Parses frame lines, `{"at":1,"connection":1,"frame":"…"}`: nearly all lines of a tape. A JavaScript string per line would
 * cost most of the time, so the frame is unescaped from bytes to bytes. One instance reads one chunk of a tape.
 */
export class TapeFrames {
  readonly #bytes: Buffer;
  readonly #scope: string;
  readonly #frames: Buffer;
  #written = 0;
  #number = 0;

  constructor(bytes: Buffer, scope: string) {
    this.#bytes = bytes;
    this.#scope = scope;
    this.#frames = Buffer.allocUnsafe(bytes.length);
  }

  /** Returns the event of the line between two positions, undefined for other lines and for unusual spelling. */
  read(start: number, end: number): FrameEvent | undefined {
    const atEnd = this.#integer(this.#expect(start, HEAD));
    const at = this.#number;
    const connectionEnd = this.#integer(this.#expect(atEnd, CONNECTION));
    const connection = `${this.#scope}${this.#number}`;
    const content = this.#expect(connectionEnd, FRAME);
    if (content < 0) return undefined;
    const first = this.#written;
    const quote = this.#unescape(content, end);
    if (quote !== end - 2 || this.#bytes[quote + 1] !== CLOSE_OBJECT) return undefined;
    return { kind: 'frame', at, connection, content: frameBytes(this.#frames.subarray(first, this.#written)) };
  }

  /** Returns the position after these bytes, negative when they are not at `at`. */
  #expect(at: number, codes: Uint8Array): number {
    if (at < 0) return NONE;
    for (let i = 0; i < codes.length; i++) if (this.#bytes[at + i] !== codes[i]) return NONE;
    return at + codes.length;
  }

  #integer(start: number): number {
    if (start < 0) return NONE;
    let at = start;
    let value = 0;
    for (let digit = this.#digit(at); digit >= 0 && digit <= 9; digit = this.#digit(++at)) value = value * 10 + digit;
    this.#number = value;
    const isPlain = at > start && Number.isSafeInteger(value) && (at === start + 1 || this.#digit(start) !== 0);
    return isPlain ? at : NONE;
  }

  #digit(at: number): number {
    return (this.#bytes[at] as number) - ZERO;
  }

  /** Unescapes a string; returns the position of its closing quote, negative for other escapes than quote, backslash and slash. */
  #unescape(start: number, end: number): number {
    const bytes = this.#bytes;
    const frames = this.#frames;
    let written = this.#written;
    for (let at = start; at < end; at++) {
      let byte = bytes[at] as number;
      if (IS_PLAIN[byte] === 0) {
        if (byte === QUOTE) {
          this.#written = written;
          return at;
        }
        if (byte !== BACKSLASH) return NONE;
        byte = bytes[++at] as number;
        if (byte !== QUOTE && byte !== BACKSLASH && byte !== SLASH) return NONE;
      }
      frames[written++] = byte;
    }
    return NONE;
  }
}
