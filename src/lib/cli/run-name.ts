import { UsageError } from '../model/errors.js';

const NAME = /^[a-z0-9][a-z0-9-]{0,40}$/;

/** Returns the name of a grid run: it is a folder, a field of every record, and part of a unit's name. */
export function runName(text: string): string {
  if (!NAME.test(text)) throw new UsageError(`expected a name of lower-case letters, digits and dashes, was "${text}"`);
  return text;
}
