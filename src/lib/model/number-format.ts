let format: Intl.NumberFormat | undefined;

/** Formats a count: `1,624`. */
export function formatCount(count: number): string {
  // Made at the first use: it takes 10 ms, and most command lines print no count.
  format ??= new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
  return format.format(count);
}

/** Formats a number of bytes: `37.1 MB`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0';
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}
