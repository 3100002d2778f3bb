import { pick } from './random.js';

/** What a broken or hostile peer may put where a value should be. */
const VALUES: readonly unknown[] = [
  null,
  '',
  ' ',
  'NaN',
  '-Infinity',
  '1e999',
  '0x10',
  '-1',
  '0',
  0,
  -1,
  1.5,
  1e308,
  2 ** 60,
  '9'.repeat(400),
  '1,5',
  'Buy',
  'no-such',
  true,
  false,
  [],
  {},
  [[]],
  [null],
  [['1']],
  [['a', 'b']],
  [['1', '-2']],
  { a: 1 },
  '__proto__',
  'constructor',
  '\u0000',
  '💥',
  'x'.repeat(10_000),
  '18446744073709551616',
  253402300800000,
  '-62135596800000',
  '1786310820000',
];

/** Returns a damaged copy of a frame: a value, a key or the text itself is no longer what the protocol says. */
export function mutate(frame: string, random: () => number): string {
  const kind = random();
  if (kind < 0.2) return mutateText(frame, random);
  try {
    const root = { root: JSON.parse(frame) as unknown };
    const changes = 1 + Math.floor(random() * 3);
    for (let i = 0; i < changes; i += 1) mutateValue(root, random);
    return JSON.stringify(root.root) ?? 'undefined';
  } catch {
    return mutateText(frame, random);
  }
}

function mutateText(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length);
  const end = at + Math.floor(random() * 20);
  const inserts = ['"', '{', '}', ']', ',', '\\', '\u0000', '💥', '9', '-', 'null', 'NaN', '\n'];
  const ways = [
    () => text.slice(0, at),
    () => text.slice(at),
    () => text.slice(0, at) + text.slice(end),
    () => text.slice(0, at) + pick(random, inserts) + text.slice(at),
    () => text + text,
    () => text.replace(/\d/g, (digit) => (random() < 0.1 ? pick(random, ['x', '', '9']) : digit)),
  ];
  return pick(random, ways)();
}

type Container = Record<string, unknown> | unknown[];

/** Walks to a random place, rather deep than not, and replaces, removes, renames or doubles what is there. */
function mutateValue(root: Container, random: () => number): void {
  let container = root;
  for (;;) {
    const keys = Object.keys(container);
    if (keys.length === 0) return;
    const key = pick(random, keys);
    const value = (container as Record<string, unknown>)[key];
    if (typeof value === 'object' && value !== null && random() < 0.85) {
      container = value as Container;
      continue;
    }
    change(container as Record<string, unknown>, key, value, random);
    return;
  }
}

function change(container: Record<string, unknown>, key: string, value: unknown, random: () => number): void {
  const way = random();
  if (way < 0.7) container[key] = pick(random, VALUES);
  else if (way < 0.85 && !Array.isArray(container)) delete container[key];
  else if (Array.isArray(container)) container.push(value, value);
  else container[`${key}x`] = value;
}
