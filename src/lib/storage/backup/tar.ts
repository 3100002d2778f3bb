import type { FileHandle } from 'node:fs/promises';
import { FailureError } from '../../model/errors.js';

/** The tar format that POSIX calls ustar: blocks of 512 bytes, a header before each file. Every tar reads it. */
const BLOCK = 512;
const MAGIC = 'ustar\u000000';
/** Where the fields of a header are: offset and length. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  size: [124, 12],
  mtime: [136, 12],
  sum: [148, 8],
  magic: [257, 8],
  prefix: [345, 155],
};
const TYPE_AT = 156;
const FILE = '0'.charCodeAt(0);

/** A file in an archive: where its bytes begin. */
export type TarEntry = { readonly path: string; readonly size: number; readonly at: number };

/** Returns the header of a file. `time` is in seconds. Throws a `FailureError` for a name that the format cannot hold. */
export function tarHeader(path: string, size: number, time: number): Buffer {
  const [prefix, name] = splitName(path);
  const header = Buffer.alloc(BLOCK);
  const write = (field: keyof typeof FIELDS, text: string) => header.write(text, FIELDS[field][0] as number, 'utf8');
  write('name', name);
  write('mode', '0000644\0');
  write('size', `${size.toString(8).padStart(11, '0')}\0`);
  write('mtime', `${time.toString(8).padStart(11, '0')}\0`);
  write('magic', MAGIC);
  write('prefix', prefix);
  header[TYPE_AT] = FILE;
  write('sum', `${sumOf(header).toString(8).padStart(6, '0')}\0 `);
  return header;
}

/** Returns the zeros that follow a file of this size. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Returns the end of an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

/** Yields the files of an archive. Throws a `FailureError` that says `what` for anything that `tarHeader` did not write. */
export async function* tarEntries(file: FileHandle, what: string): AsyncGenerator<TarEntry> {
  const header = Buffer.alloc(BLOCK);
  const { size: end } = await file.stat();
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(header, 0, BLOCK, at);
    if (bytesRead < BLOCK) throw new FailureError(`${what} ends early: it is not a whole backup`);
    if (header.every((byte) => byte === 0)) return;
    const text = (field: keyof typeof FIELDS) => {
      const [offset = 0, length = 0] = FIELDS[field];
      return header.toString('utf8', offset, offset + length).replace(/\0.*$/s, '');
    };
    const size = Number.parseInt(text('size'), 8);
    if (text('magic') !== 'ustar' || Number.parseInt(text('sum'), 8) !== sumOf(header) || header[TYPE_AT] !== FILE)
      throw new FailureError(`${what} is not an archive of mdtool store backup, or it is damaged`);
    if (at + BLOCK + size > end) throw new FailureError(`${what} ends early: it is not a whole backup`);
    const prefix = text('prefix');
    yield { path: prefix === '' ? text('name') : `${prefix}/${text('name')}`, size, at: at + BLOCK };
    at += BLOCK + size + tarPadding(size).length;
  }
}

/** A long name is cut at a slash: up to 155 bytes before it, up to 100 behind it. */
function splitName(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  for (let cut = path.indexOf('/'); cut >= 0; cut = path.indexOf('/', cut + 1)) {
    const [prefix, name] = [path.slice(0, cut), path.slice(cut + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return [prefix, name];
  }
  throw new FailureError(`${path} is too long for an archive; make the backup into a directory`);
}

/** The sum of the bytes of a header, its own field counted as spaces. */
function sumOf(header: Buffer): number {
  const [from = 0, length = 0] = FIELDS.sum;
  return header.reduce((sum, byte, at) => sum + (at >= from && at < from + length ? 0x20 : byte), 0);
}
