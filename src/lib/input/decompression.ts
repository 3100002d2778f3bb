import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { createGunzip } from 'node:zlib';
import { requireRatio } from '../model/unpacked-size.js';
import { ZstdFrames } from './zstd-frames.js';

const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
/** One block of zstd unpacks to 128 kB. Small pieces bound what is unpacked before the reader takes it. */
const ZSTD_PIECE = 4 << 10;

/** Thrown when compressed data ends early or is damaged; the data before it was delivered. */
export class TruncatedError extends Error {}

/** Returns the chunks decompressed when they start with the magic bytes of gzip or zstd, else as they are. */
export async function* decompressed(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  const { first, all } = await withFirst(chunks);
  if (startsWith(first, GZIP)) yield* bounded(all, gunzipped, name);
  else if (startsWith(first, ZSTD)) yield* bounded(all, await zstdDecoder(), name);
  else yield* all;
}

/** Returns whether bytes are the beginning of gzip or zstd. */
export function isPacked(first: Buffer): boolean {
  return startsWith(first, GZIP) || startsWith(first, ZSTD);
}

export function startsWith(bytes: Buffer | undefined, magic: readonly number[]): boolean {
  return bytes !== undefined && magic.every((byte, at) => bytes[at] === byte);
}

/** Returns the first bytes (at least four, if there are as many) and all chunks, these included. */
export async function withFirst(chunks: AsyncIterable<Buffer>): Promise<{ first: Buffer; all: AsyncIterable<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let first: Buffer = Buffer.alloc(0);
  while (first.length < 4) {
    const next = await iterator.next();
    if (next.done) break;
    first = first.length === 0 ? next.value : Buffer.concat([first, next.value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    try {
      if (first.length > 0) yield first;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { first, all: all() };
}

type Decoder = (chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** Throws a `FailureError` when far more bytes are unpacked than any market data would: such a file fills disk or memory. */
async function* bounded(chunks: AsyncIterable<Buffer>, decode: Decoder, name: string): AsyncGenerator<Buffer> {
  let [packed, unpacked] = [0, 0];
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      packed += chunk.length;
      yield chunk;
    }
  }
  for await (const chunk of decode(counted())) {
    unpacked += chunk.length;
    requireRatio(packed, unpacked, name);
    yield chunk;
  }
}

async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* through(chunks, createGunzip({ chunkSize: 1 << 18 }), 'gzip');
}

async function* through(chunks: AsyncIterable<Buffer>, decoder: Transform, format: string): AsyncGenerator<Buffer> {
  const source = Readable.from(chunks);
  source.on('error', (error) => decoder.destroy(error));
  try {
    yield* source.pipe(decoder) as AsyncIterable<Buffer>;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (/^Z_(BUF|DATA)_ERROR$|ZSTD/.test(code)) throw new TruncatedError(`the ${format} stream is incomplete (${message})`);
    throw error;
  } finally {
    source.destroy();
  }
}

async function* wholeFrames(chunks: AsyncIterable<Buffer>, decoder: Transform): AsyncGenerator<Buffer> {
  const frames = new ZstdFrames();
  async function* followed(): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      frames.push(chunk);
      yield chunk;
    }
  }
  yield* through(followed(), decoder, 'zstd');
  if (!frames.areWhole) throw new TruncatedError('the zstd stream is incomplete (it ends inside a frame)');
}

/** Returns the decoder of Node where it has one (22.15), else that of a library. */
async function zstdDecoder(): Promise<Decoder> {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  if (createZstdDecompress) return (chunks) => wholeFrames(chunks, createZstdDecompress());
  const { Decompress } = await import('fzstd');
  return async function* unzstd(chunks) {
    const ready: Buffer[] = [];
    const stream = new Decompress((piece) => ready.push(Buffer.from(piece)));
    const push = (piece: Uint8Array, isLast: boolean) => {
      try {
        stream.push(piece, isLast);
      } catch (error) {
        throw new TruncatedError(`the zstd stream is incomplete (${(error as Error).message})`);
      }
    };
    for await (const chunk of chunks)
      for (let at = 0; at < chunk.length; at += ZSTD_PIECE) {
        push(chunk.subarray(at, at + ZSTD_PIECE), false);
        yield* ready.splice(0);
      }
    push(new Uint8Array(0), true);
    yield* ready.splice(0);
  };
}
