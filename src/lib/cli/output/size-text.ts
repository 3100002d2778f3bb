/** Returns a number of bytes for the eye, `37.1 MB`. */
export function sizeText(bytes: number): string {
  if (bytes === 0) return '0';
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}
