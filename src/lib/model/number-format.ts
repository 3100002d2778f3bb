let format: Intl.NumberFormat | undefined;

/** Formats a count: `1,624`. */
export function formatCount(count: number): string {
  // Made at the first use: it takes 10 ms, and most command lines print no count.
  format ??= new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
  return format.format(count);
}

const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** Returns the bytes of `256MB` or `1GB`, undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(KB|MB|GB|TB)$/i.exec(text.trim()) ?? [];
  const bytes = Number(number) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  return bytes > 0 ? bytes : undefined;
}

/** Formats a number of bytes: `37.1 MB`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0';
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}
