import { memberOf } from '../input/zip-archive.js';
import { UsageError } from '../model/errors.js';
import { didYouMean } from '../model/suggestion.js';
import type { Facts, Fields, Preset } from './preset.js';
import { PRESETS } from './presets.js';
import type { Row, Table } from './table.js';
import { unitOf } from './values.js';

/** A preset that fits a file, its columns there, and what the file's name says. */
type Recognised = {
  readonly preset: Preset;
  readonly fields: Fields;
  readonly facts: Facts;
  /** The names of the columns, of the preset where the file has no header. */
  readonly columns: readonly string[];
};

/** Returns the preset with this name. Throws a `UsageError` that lists near ones. */
export function presetOf(name: string): Preset {
  const preset = PRESETS.find((candidate) => candidate.name === name);
  if (preset) return preset;
  const names = PRESETS.map((known) => known.name);
  throw new UsageError(`--preset: unknown preset "${name}"${didYouMean(name, names) || '; --list-presets lists them'}`);
}

/** Returns whether a file has the columns by which every record of mdtool is identified. */
export function isOwnLayout({ header }: Table): boolean {
  return OWN.every((name) => header?.some((column) => column.trim().toLowerCase() === name));
}

/** Returns whether the rows of a file without header can be meant: its times are times, its sides are known. */
function looksRight({ preset, fields, columns }: Recognised, sample: readonly Row[]): boolean {
  return sample.every(({ cells }) => {
    const cell = (field: string) => cells[columns.indexOf(fields[field] ?? '')]?.trim() ?? '';
    const unit = unitOf(cell('timestamp'));
    if (unit === undefined || !preset.units.includes(unit)) return false;
    return fields.side === undefined || cell('side').toLowerCase() in (preset.sides ?? {});
  });
}

/** A file with these columns is in the layout of mdtool's records, and says more than a preset. */
const OWN = ['exchange', 'market', 'symbol', 'timestamp'];

/**
 * Returns the preset of a file, by its columns and its name; undefined when none fits. Throws a `UsageError` when several
 * fit, or when the named one does not.
 */
export function recognise(table: Table, sample: readonly Row[], named: Preset | undefined): Recognised | undefined {
  const width = table.header?.length ?? sample[0]?.cells.length ?? 0;
  if (named) return requireFit(table, width, named);
  if (isOwnLayout(table)) return undefined;
  const fitting = PRESETS.flatMap((preset) => {
    const isNamed = namesOf(table.path, preset) !== undefined;
    if (preset.needsName && !isNamed) return [];
    const fit = fitOf(table, width, preset);
    return fit && (table.header || isNamed || looksRight(fit, sample)) ? [fit] : [];
  });
  // A file name decides between layouts that are alike, and a header with more of the layout's columns between headers.
  const byName = fitting.filter(({ preset }) => preset.file && namesOf(table.path, preset));
  const best = byName.length > 0 ? byName : fitting;
  const [only, second] = best;
  if (second !== undefined)
    throw new UsageError(
      `${table.path}: fits the presets ${best.map(({ preset }) => preset.name).join(' and ')}; --preset says which`,
    );
  return only;
}

function requireFit(table: Table, width: number, preset: Preset): Recognised {
  const fit = fitOf(table, width, preset);
  if (fit) return fit;
  const found = table.header?.slice(0, 12).join(', ') ?? `${width} columns without a header`;
  const columns = typeof preset.columns === 'function' ? [] : Object.values(preset.columns);
  const missing = columns.filter((name) => !table.header?.includes(name));
  const lacks = table.header && missing.length > 0 ? `; missing ${missing.join(', ')}` : '';
  throw new UsageError(`${table.path}: is not of the preset ${preset.name}: found ${found}${lacks}`);
}

function fitOf(table: Table, width: number, preset: Preset): Recognised | undefined {
  const { header, path } = table;
  if (preset.isJson && !/\.(json|ndjson|jsonl)(\.|$)/i.test(path)) return undefined;
  const facts = preset.facts?.(namesOf(path, preset) ?? {}) ?? {};
  if (header === undefined) {
    const { positions, columns } = preset;
    if (!positions || width > positions.length || typeof columns === 'function') return undefined;
    const names = positions.slice(0, width);
    const needed = Object.values(columns).every((name) => names.includes(name));
    return needed ? { preset, fields: columns, facts, columns: names } : undefined;
  }
  const fields = typeof preset.columns === 'function' ? preset.columns(header, facts) : preset.columns;
  const needed = [...Object.values(fields ?? {}), ...(preset.marks ?? [])];
  if (!fields || !needed.every((name) => header.includes(name))) return undefined;
  return { preset, fields, facts, columns: header };
}

/** Returns the named groups of a file's name: that of a member, else of its archive or folder. */
function namesOf(path: string, { file }: Preset): Readonly<Record<string, string | undefined>> | undefined {
  if (!file) return undefined;
  const inside = memberOf(path);
  const names = [inside?.member ?? path, inside?.archive].flatMap((name) => name?.split(/[\\/]/).at(-1) ?? []);
  for (const name of names) {
    const match = file.exec(name);
    if (match) return match.groups ?? {};
  }
  return undefined;
}
