import { UsageError } from '../model/errors.js';
import { Secret } from './secret.js';

export type KeyMode = 'demo' | 'live';

/** Where keys are kept, in the order in which they are looked up. */
export const BACKENDS = ['file', 'encrypted', 'keyring'] as const;
export type Backend = (typeof BACKENDS)[number];
export type KeySource = 'environment' | Backend;

/** One key of one exchange. */
export type KeyEntry = {
  readonly exchange: string;
  readonly name: string;
  readonly mode: KeyMode;
  readonly key: Secret;
  readonly secret: Secret;
  readonly passphrase?: Secret | undefined;
  readonly source: KeySource;
};

export const DEFAULT_NAME = 'default';
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

/** Returns the name of a key. Throws a `UsageError` on one that cannot be a TOML key. */
export function keyName(text: string): string {
  if (NAME.test(text)) return text;
  throw new UsageError(`expected a name of at most 32 letters, digits, - or _ for the key, was "${text}"`);
}

/** The fields of a key, in text. */
export type KeyFields = {
  readonly key?: unknown;
  readonly secret?: unknown;
  readonly passphrase?: unknown;
  readonly mode?: unknown;
};

/** Returns the key of its fields. Throws a `UsageError` that names `where` and the missing field, never a value. */
export function keyEntry(
  exchange: string,
  name: string,
  fields: KeyFields,
  { source, where }: { readonly source: KeySource; readonly where: string },
): KeyEntry {
  const text = (field: 'key' | 'secret' | 'passphrase') => {
    const value = fields[field];
    if (value === undefined) return undefined;
    // Header values and signatures are ASCII; a line break in one is a slip of the clipboard.
    if (typeof value !== 'string' || !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value))
      throw new UsageError(`${where}: expected the ${field} to be a text of printable ASCII characters`);
    return new Secret(value);
  };
  const [key, secret, passphrase] = [text('key'), text('secret'), text('passphrase')];
  if (key === undefined || secret === undefined)
    throw new UsageError(`${where}: the ${key === undefined ? 'key' : 'secret'} is missing`);
  const { mode = 'live' } = fields;
  if (mode !== 'live' && mode !== 'demo') throw new UsageError(`${where}: expected mode to be live or demo`);
  return { exchange, name, mode, key, secret, passphrase, source };
}
