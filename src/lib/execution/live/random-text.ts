import { randomInt } from 'node:crypto';

const CHARACTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Returns random text of lower-case letters and digits. */
export function randomText(length: number): string {
  return Array.from({ length }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('');
}
