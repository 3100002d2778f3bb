import { startsWith, withFirst } from './decompression.js';

const UTF8_MARK = [0xef, 0xbb, 0xbf];
const UTF16: readonly { readonly mark: readonly number[]; readonly encoding: string }[] = [
  { mark: [0xff, 0xfe], encoding: 'utf-16le' },
  { mark: [0xfe, 0xff], encoding: 'utf-16be' },
];

/** Returns the chunks as UTF-8 without a byte order mark. UTF-16, which spreadsheets write, is recognised by its mark. */
export async function* asUtf8(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { first, all } = await withFirst(chunks);
  const encoding = UTF16.find(({ mark }) => startsWith(first, mark))?.encoding;
  if (encoding !== undefined) return yield* transcoded(all, encoding);
  let skip = startsWith(first, UTF8_MARK) ? UTF8_MARK.length : 0;
  for await (const chunk of all) {
    const rest = skip === 0 ? chunk : chunk.subarray(skip);
    skip -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}

async function* transcoded(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') yield Buffer.from(text);
  }
  const rest = decoder.decode();
  if (rest !== '') yield Buffer.from(rest);
}
