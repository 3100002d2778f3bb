import { crc32 } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { FailureError } from '../model/errors.js';
import { printable } from '../model/ndjson.js';
import { requireRatio } from '../model/unpacked-size.js';
import { TruncatedError } from './decompression.js';

/** Between the path of an archive and the name of its member: `BTCUSDT-1m.zip!BTCUSDT-1m.csv`. */
const SEPARATOR = '!';
const MEMBER = /^(.*\.zip)!(.+)$/i;
/** Archives of market data have a few members; a list of millions fills the memory. */
const MOST_MEMBERS = 10_000;
/** Files that macOS and Windows add to archives. */
const ADDED_BY_SYSTEM = /(^|\/)(__MACOSX\/|\._|\.DS_Store$|Thumbs\.db$)/;

/** Returns whether a path is a zip archive by its name. */
export function isZip(path: string): boolean {
  return /\.zip$/i.test(path);
}

/** Returns the archive and the member that a path names, undefined for the path of a file. */
export function memberOf(path: string): { readonly archive: string; readonly member: string } | undefined {
  const [, archive, member] = MEMBER.exec(path) ?? [];
  return archive === undefined || member === undefined ? undefined : { archive, member };
}

/**
 * Returns the paths of an archive's files, `ARCHIVE.zip!MEMBER`, in the order of the archive. Nothing is written under a
 * name of the archive. Throws a `FailureError` for a damaged or encrypted archive and for one that unpacks to far more
 * than market data does.
 */
export async function membersOf(archive: string): Promise<string[]> {
  const members: string[] = [];
  let [packed, unpacked] = [0, 0];
  const zip = await openZip(archive);
  try {
    for await (const entry of entriesOf(zip, archive)) {
      if (entry.fileName.endsWith('/') || ADDED_BY_SYSTEM.test(entry.fileName)) continue;
      members.push(`${archive}${SEPARATOR}${entry.fileName}`);
      packed += entry.compressedSize;
      unpacked += entry.uncompressedSize;
      requireRatio(packed, unpacked, archive);
      if (members.length > MOST_MEMBERS)
        throw new FailureError(`${archive}: expected at most ${MOST_MEMBERS} files in an archive`);
    }
  } finally {
    zip.close();
  }
  if (members.length === 0) throw new FailureError(`${archive}: the archive has no files`);
  return members;
}

/**
 * Yields the content of one member. Throws a `FailureError`, and a `TruncatedError` after the data before the damage: the
 * library compares sizes, but not the checksum.
 */
export async function* readMember(archive: string, member: string): AsyncGenerator<Buffer> {
  const zip = await openZip(archive);
  try {
    const entry = await entryOf(zip, archive, member);
    const stream = await zip.openReadStreamPromise(entry);
    let sum = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      sum = crc32(chunk, sum);
      yield chunk;
    }
    if (sum !== entry.crc32) throw new TruncatedError('its checksum in the archive differs');
  } catch (error) {
    if (error instanceof FailureError || error instanceof TruncatedError) throw error;
    throw new TruncatedError(`the archive is damaged: ${printable((error as Error).message)}`);
  } finally {
    zip.close();
  }
}

async function entryOf(zip: ZipFile, archive: string, member: string): Promise<Entry> {
  for await (const entry of entriesOf(zip, archive)) {
    if (entry.fileName !== member) continue;
    if (entry.isEncrypted()) throw new FailureError(`${archive}: ${printable(member)} is encrypted; unpack it yourself`);
    requireRatio(entry.compressedSize, entry.uncompressedSize, archive);
    return entry;
  }
  throw new FailureError(`${archive}: has no file ${printable(member)}`);
}

async function openZip(path: string): Promise<ZipFile> {
  const { openPromise } = await import('yauzl');
  return await openPromise(path, { autoClose: false, lazyEntries: true }).catch((error: NodeJS.ErrnoException) => {
    throw new FailureError(`${path}: cannot be read (${error.code === 'ENOENT' ? 'no such file' : error.message})`);
  });
}

async function* entriesOf(zip: ZipFile, path: string): AsyncGenerator<Entry> {
  try {
    for await (const entry of zip.eachEntry()) yield entry;
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw new FailureError(`${path}: cannot be read (${printable((error as Error).message)})`);
  }
}
