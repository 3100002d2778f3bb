/** A JSON object of unknown content: nothing that arrives is believed before it has been looked at. */
export type Fields = Readonly<Record<string, unknown>>;

/** Returns whether `value` is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns `value` when it is text that says something, else undefined. */
export function filled(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
