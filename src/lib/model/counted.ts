/** Returns a count with its noun, in singular or plural: `1 fill`, `2 runs`, `1,624 trades`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
