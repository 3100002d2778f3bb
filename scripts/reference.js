#!/usr/bin/env node
// Writes the references: records (docs/records.md) from the schema, settings
// (docs/settings.md) from the commands, so that they always match the code.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { columnsOf, RECORD_TYPES } from '../dist/lib/model/records.js';
import { settingsPage } from './settings-page.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const target = process.argv[2] ?? ROOT;

const KINDS = {
  time: 'integer µs / TIMESTAMPTZ',
  number: 'number / DOUBLE',
  count: 'integer / BIGINT',
  long: 'text / BIGINT',
  text: 'text / VARCHAR',
  flag: 'true, false / BOOLEAN',
  levels: 'list / DOUBLE[][]',
  json: 'JSON / VARCHAR',
};

const section = (type) => {
  const rows = columnsOf(type).map(([name, { kind, required, note, values }]) => {
    const allowed = values ? ` (${values.map((value) => `\`${value}\``).join(', ')})` : '';
    return `| \`${name}\` | ${KINDS[kind]} | ${required ? '' : 'optional'} | ${note}${allowed} |`;
  });
  return [`## \`${type}\``, '', '| field | NDJSON / column | | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
};

const records = `# Records

All record types and their fields, generated from the schema by \`npm run build\`. Field names are the keys in NDJSON and the
columns in CSV, Parquet and DuckDB. Times are UTC microseconds since the epoch. A missing value is absent in NDJSON, empty in
CSV and NULL in columns, never 0, "" or NaN.

${RECORD_TYPES.map(section).join('\n')}`;

mkdirSync(`${target}/docs`, { recursive: true });
writeFileSync(`${target}/docs/records.md`, records);
writeFileSync(`${target}/docs/settings.md`, settingsPage);
