/** Amounts and prices are whole numbers of the last decimal (`units`), so that nothing is lost to binary fractions. */

/** Returns `units` × 10^-decimals as text with every decimal: `fixedText(7000, 2)` is `70.00`. */
export function fixedText(units: number | bigint, decimals: number): string {
  const isNegative = units < 0;
  const digits = String(isNegative ? -units : units).padStart(decimals + 1, '0');
  const sign = isNegative ? '-' : '';
  if (decimals === 0) return sign + digits;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Returns `units` × 10^-decimals as text without trailing zeros: `plainText(7000, 2)` is `70`. */
export function plainText(units: number | bigint, decimals: number): string {
  const text = fixedText(units, decimals);
  return decimals === 0 ? text : text.replace(/\.?0+$/, '');
}

/** Returns the units of a decimal text. Throws when it has more decimals than the instrument. */
export function unitsOf(text: string | number, decimals: number): number {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(String(text));
  const fraction = match?.[2]?.replace(/0+$/, '') ?? '';
  if (!match || fraction.length > decimals) throw new Error(`expected a number of at most ${decimals} decimals, was ${text}`);
  return Number(`${match[1]}${fraction.padEnd(decimals, '0')}`);
}
