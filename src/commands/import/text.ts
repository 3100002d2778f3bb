import { PRESETS } from '../../lib/import/presets.js';
import type { SourceFile } from '../../lib/import/source-file.js';
import type { ResultColumn } from '../../lib/storage/reading/query-result.js';

const PRESET_COLUMNS: readonly ResultColumn[] = ['name', 'type', 'about', 'source'].map((name) => ({ name, kind: 'text' }));

/** Returns the rows of `--list-presets`, as a table and as objects. */
export function presetRows() {
  const rows = PRESETS.map(({ name, type, about, source }) => [name, type, about, source]);
  const table = {
    columns: PRESET_COLUMNS,
    rowCount: rows.length,
    async *rows() {
      yield rows;
    },
  };
  return { table, objects: PRESETS.map(({ name, type, about, source }) => ({ name, type, about, source })) };
}

/** Returns how a file is read, as data. */
export function mappingFacts(source: SourceFile): Record<string, unknown> {
  if (source.table === undefined) return { file: source.path, layout: 'records of mdtool' };
  const { mapping, table } = source;
  const { label: _, ...facts } = mapping.facts;
  return {
    file: source.path,
    layout: mapping.preset?.name ?? 'by the names of its columns',
    type: mapping.type,
    fields: Object.fromEntries(
      Object.entries(mapping.fields).map(([field, column]) => [field, column === '' ? '(first column)' : column]),
    ),
    values: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
    times: Object.fromEntries(mapping.units),
    ...(mapping.zone ? { time_zone: mapping.zone.name } : {}),
    ...(table.delimiter === undefined ? {} : { delimiter: table.delimiter }),
    header: table.header !== undefined,
  };
}

/** Returns how a file is read, one line per fact. */
export function mappingText(source: SourceFile): string {
  const { file, layout, ...facts } = mappingFacts(source);
  const lines = Object.entries(facts).map(([name, value]) => `  ${name.padEnd(10)} ${shown(value)}`);
  return [`${file}: ${layout}`, ...lines].join('\n');
}

function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === '\t' ? 'tab' : String(value);
  return Object.entries(value)
    .map(([name, of]) => `${name || '(first column)'}=${of}`)
    .join(', ');
}

/** Returns the first five rows of a foreign file as they are. */
export function sampleRows(source: SourceFile) {
  if (source.table === undefined) return undefined;
  const columns = source.mapping.columns.map((name) => ({ name: name === '' ? '(index)' : name, kind: 'text' as const }));
  return { columns, rows: source.sample.slice(0, 5).map(({ cells }) => cells.map((cell) => (cell === '' ? undefined : cell))) };
}
