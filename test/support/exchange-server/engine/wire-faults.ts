import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** Payload of the ping between fragments, by which its pong is told from those of other pings. */
export const BETWEEN = 'between';

/** Sends a text message in fragments, with a ping of the protocol after the first: more than 60 unanswered ones end a `ws` client. */
export function sendInFragments(socket: WebSocket, text: string, pieces: number): void {
  const bytes = Buffer.from(text);
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  for (let at = 0; at < bytes.length; at += size) {
    socket.send(bytes.subarray(at, at + size), { binary: false, fin: at + size >= bytes.length });
    if (at === 0 && size < bytes.length) socket.ping(BETWEEN);
  }
}

const TEXT_FRAME = 0x81;

/** Sends the first half of a text message, of 64 kB at most, and ends the connection in the middle of its frame. */
export function cutInFrame(tcp: Socket, text: string): void {
  const bytes = Buffer.from(text).subarray(0, 0xffff);
  const { length } = bytes;
  const head = length < 126 ? [TEXT_FRAME, length] : [TEXT_FRAME, 126, length >> 8, length & 0xff];
  tcp.uncork();
  tcp.end(Buffer.concat([Buffer.from(head), bytes.subarray(0, length >> 1)]), () => tcp.destroy());
}

/**
 * Fields that no documentation names. They hold names that rows have, and text that looks like the end of a row: a reader
 * that searches the bytes for names, or counts brackets, takes them for its own.
 */
const UNKNOWN = '"zzNew":{"p":"1","price":"1","tradeId":"1","i":"1","T":1,"ts":"1","seq":1,"x":[null,{"s":"}],\\""}]},';

/** Returns a data frame with unknown fields in the frame and in each of its rows. */
export function withUnknownFields(text: string): string {
  const data = text.indexOf('"data":');
  if (data < 0) return text;
  const rows = text
    .slice(data)
    .replace(/^("data":\[?\{)/, `$1${UNKNOWN}`)
    .replace(/\},\{/g, `},{${UNKNOWN}`);
  return `{${UNKNOWN}${text.slice(1, data)}${rows}`;
}
