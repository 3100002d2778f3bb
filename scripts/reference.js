#!/usr/bin/env node
// Writes docs/records.md from the schema, so that the reference cannot say anything else than the code.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { columnsOf, RECORD_TYPES } from '../dist/lib/model/records.js';

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

const text = `# Records

Every record type and its fields, generated from the schema (\`npm run build\`). The names are the keys in NDJSON and the
columns in CSV, Parquet and DuckDB. Times are UTC microseconds since the epoch. A value that is missing is absent in
NDJSON, empty in CSV and NULL in columns, never 0, "" or NaN.

${RECORD_TYPES.map(section).join('\n')}`;

writeFileSync(process.argv[2] ?? fileURLToPath(new URL('../docs/records.md', import.meta.url)), text);
