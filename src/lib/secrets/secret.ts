import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';

/** Values that must appear in no output; the last line of defence is `masked`. */
const known = new Set<string>();

/** A shorter value is often a common word; masking it would garble messages. */
const SHORTEST = 4;
const SHOWN = '[secret]';

/**
 * A key, a secret or a passphrase. It prints as `[secret]` wherever it is logged, serialised or inspected: an object that holds
 * one can be dumped without harm.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    if (value.length >= SHORTEST) known.add(value);
  }

  /** Returns HMAC-SHA256 of a text with this secret as the key. */
  hmac(text: string, encoding: 'hex' | 'base64'): string {
    return createHmac('sha256', this.#value).update(text, 'utf8').digest(encoding);
  }

  /** Returns the value: for the bytes of a request and for a file of keys alone. */
  reveal(): string {
    return this.#value;
  }

  /** The last four characters, by which people recognise it; empty for a short one. */
  get ending(): string {
    return this.#value.length >= 4 * SHORTEST ? this.#value.slice(-SHORTEST) : '';
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

/** Returns a text without the value of any secret of this process, also where JSON or a URL has escaped it. */
export function masked(text: string): string {
  let safe = text;
  for (const value of known) {
    for (const form of new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)])) {
      if (safe.includes(form)) safe = safe.replaceAll(form, '***');
    }
  }
  return safe;
}
