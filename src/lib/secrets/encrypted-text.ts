import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { UsageError } from '../model/errors.js';
import type { Secret } from './secret.js';

/** Costs of scrypt: 128 MB and about half a second, once. */
const COST = { n: 2 ** 17, r: 8, p: 1 };
/** A file that asks for less is easy to guess, one that asks for more takes all memory. */
const LEAST_COST = 2 ** 14;
const MOST_COST = 2 ** 20;
const FORMAT = 'mdtool-keys';
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;

/** The first line of an encrypted file, which the tag protects too. */
type Header = {
  readonly format: string;
  readonly version: number;
  readonly kdf: 'scrypt';
  readonly n: number;
  readonly r: number;
  readonly p: number;
  /** Base64. */
  readonly salt: string;
  readonly nonce: string;
};

/** What is random in an encrypted text, and its cost; tests set them. */
type Randomness = {
  readonly salt?: Buffer | undefined;
  readonly nonce?: Buffer | undefined;
  readonly n?: number | undefined;
};

function derive(passphrase: Secret, { salt, n, r, p }: Header): Promise<Buffer> {
  // scrypt needs 128 * n * r bytes, and Node refuses more than 32 MB by default.
  const options = { N: n, r, p, maxmem: 256 * n * r };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.reveal().normalize('NFC'), Buffer.from(salt, 'base64'), KEY_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/**
 * Returns a text, encrypted: a line of JSON that names the costs, and a line of base64 with AES-256-GCM of the text and its tag.
 * The header is associated data, so that nobody can lower its costs unseen.
 */
export async function encryptText(text: string, passphrase: Secret, randomness: Randomness = {}): Promise<string> {
  const { salt = randomBytes(KEY_BYTES), nonce = randomBytes(NONCE_BYTES), n = COST.n } = randomness;
  const header: Header = {
    format: FORMAT,
    version: 1,
    kdf: 'scrypt',
    n,
    r: COST.r,
    p: COST.p,
    salt: salt.toString('base64'),
    nonce: nonce.toString('base64'),
  };
  const line = JSON.stringify(header);
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, header), nonce).setAAD(Buffer.from(line));
  const bytes = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${line}\n${bytes.toString('base64')}\n`;
}

/** Returns the text of an encrypted one. Throws a `UsageError` that names `path` on a wrong passphrase or any changed byte. */
export async function decryptText(encrypted: string, passphrase: Secret, path: string): Promise<string> {
  const [line = '', body = ''] = encrypted.split('\n');
  const header = parseHeader(line, path);
  const bytes = Buffer.from(body, 'base64');
  const nonce = Buffer.from(header.nonce, 'base64');
  const key = await derive(passphrase, header);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(line)).setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    throw new UsageError(`${path}: cannot be decrypted: the passphrase is wrong, or the file was changed`);
  }
}

function parseHeader(line: string, path: string): Header {
  let header: Partial<Header> = {};
  try {
    header = JSON.parse(line) as Partial<Header>;
  } catch {}
  const { format, version, kdf, n = 0, r = 0, p = 0, salt, nonce } = header;
  const isPower = Number.isInteger(Math.log2(n)) && n >= LEAST_COST && n <= MOST_COST;
  const isKnown = format === FORMAT && version === 1 && kdf === 'scrypt' && isPower && r === COST.r && p === COST.p;
  if (!isKnown || typeof salt !== 'string' || typeof nonce !== 'string')
    throw new UsageError(`${path}: not an encrypted file of mdtool keys, version 1`);
  return header as Header;
}
