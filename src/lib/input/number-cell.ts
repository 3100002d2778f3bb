const [ZERO, NINE, DOT] = ['0', '9', '.'].map((character) => character.charCodeAt(0)) as [number, number, number];
const [PLUS, MINUS, SMALL_E, LARGE_E] = ['+', '-', 'e', 'E'].map((character) => character.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
];
/**
 * A number of 15 digits is exact in a double, and so is each of these powers. Their quotient is rounded once: it is the double that
 * is nearest to the text, which is what `Number` returns.
 */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => Number(`1e${power}`));
/** An integer of 16 digits is exact while it is below 2^53. */
const INTEGER_DIGITS = 16;

/**
 * Reads a number without a sign from `at` on into `out[slot]`, where a cell without a character is NaN; returns the place behind
 * it. Behind anything else there is no comma and no line end.
 */
export function scanNumber(bytes: Uint8Array, at: number, out: Float64Array, slot: number): number {
  let place = at;
  let value = 0;
  let byte = bytes[place] as number;
  while (byte >= ZERO && byte <= NINE) {
    value = value * 10 + (byte - ZERO);
    byte = bytes[++place] as number;
  }
  let decimals = 0;
  if (byte === DOT && place > at) {
    const dot = place;
    byte = bytes[++place] as number;
    while (byte >= ZERO && byte <= NINE) {
      value = value * 10 + (byte - ZERO);
      byte = bytes[++place] as number;
    }
    decimals = place - dot - 1;
    // `1.` is a number to some readers only.
    if (decimals === 0) return dot;
  }
  if (place === at) out[slot] = Number.NaN;
  else if (byte === SMALL_E || byte === LARGE_E || place - at > EXACT_DIGITS) return scanLong(bytes, at, place, out, slot);
  else out[slot] = decimals === 0 ? value : value / (POWERS[decimals] as number);
  return place;
}

/** Reads a number with more digits or with an exponent; its digits end before `end`. */
function scanLong(bytes: Uint8Array, at: number, end: number, out: Float64Array, slot: number): number {
  let place = end;
  if (bytes[place] === SMALL_E || bytes[place] === LARGE_E) {
    place += bytes[place + 1] === PLUS || bytes[place + 1] === MINUS ? 2 : 1;
    const digits = place;
    while ((bytes[place] as number) >= ZERO && (bytes[place] as number) <= NINE) place++;
    if (place === digits) return end;
  }
  out[slot] = Number(Buffer.from(bytes.buffer, bytes.byteOffset + at, place - at).toString('latin1'));
  return place;
}

/** Reads an integer as `scanNumber` reads a number; one with a leading zero or too many digits is none. */
export function scanInteger(bytes: Uint8Array, at: number, out: Float64Array, slot: number): number {
  let place = at;
  let value = 0;
  let byte = bytes[place] as number;
  if (byte === ZERO) return at;
  while (byte >= ZERO && byte <= NINE) {
    value = value * 10 + (byte - ZERO);
    byte = bytes[++place] as number;
  }
  out[slot] = place === at ? Number.NaN : value;
  return place - at > INTEGER_DIGITS ? at : place;
}
