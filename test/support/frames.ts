import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const FIXTURES = join(import.meta.dirname, '../../fixtures');

/** A recorded frame and the connection it came from. */
export type RecordedFrame = { readonly exchange: string; readonly url: string; readonly at: number; readonly text: string };

/** Returns the path of a fixture. */
export function fixture(name: string): string {
  return join(FIXTURES, name);
}

/** Returns the lines of a bundled tape as plain objects, by nothing but `JSON.parse`. */
export function tapeLines(name: string): Record<string, unknown>[] {
  return gunzipSync(readFileSync(fixture(name)))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Returns every frame of a bundled tape. */
export function tapeFrames(name: string): RecordedFrame[] {
  const lines = tapeLines(name);
  const exchange = String(lines[0]?.exchange);
  const urls = new Map<unknown, string>();
  const frames: RecordedFrame[] = [];
  for (const line of lines) {
    if (typeof line.connect === 'string') urls.set(line.connection, line.connect);
    const url = urls.get(line.connection);
    if (typeof line.frame === 'string' && url) frames.push({ exchange, url, at: Number(line.at), text: line.frame });
  }
  return frames;
}

const BYBIT = 'wss://stream.bybit.com/v5/public/';
const URLS: Record<string, (frame: { api: string; product?: string; text: string }) => string> = {
  bitget: ({ api }) => `wss://ws.bitget.com/${api}/ws/public`,
  bybit: ({ product, text }) =>
    BYBIT + (product === 'bybit_spot' ? 'spot' : /\.[A-Z]+USD(?:[FGHJKMNQUVXZ]\d\d)?"/.test(text) ? 'inverse' : 'linear'),
};

/** Returns the single frames recorded for an exchange, none where there is no such fixture. */
export function singleFrames(exchange: string): RecordedFrame[] {
  const path = fixture(`${exchange}/frames-${exchange}.ndjson`);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const { api, product, frame } = JSON.parse(line) as { api: string; product?: string; frame: unknown };
    const text = JSON.stringify(frame);
    const url = URLS[exchange]?.({ api, text, ...(product ? { product } : {}) }) ?? '';
    return { exchange, url, at: 1_786_310_820_000_000, text };
  });
}
