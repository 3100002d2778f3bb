import type { RecordType } from '../../model/records.js';
import { type Database, sqlName } from '../database/duckdb.js';
import { keyExpressions, tableColumns, tableDefinition } from '../database/record-table.js';
import { oneOfEachKey } from '../reading/type-relation.js';

/** So many rows are compared at a time: what a choice by key holds cannot be spilled to the disk. */
const ROWS_AT_A_TIME = 200_000;

/**
 * Returns the relation of the rows of another that count, one of each key, in memory that does not grow with it: only
 * rows whose keys repeat are compared, a part at a time, and what is chosen of them is put into a temporary table.
 */
export async function chooseByKey(database: Database, type: RecordType, relation: string): Promise<string> {
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const key = `hash(${keyExpressions(type).join(', ')})`;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE repeated AS SELECT ${key} AS key, count(*) AS copies FROM ${relation} GROUP BY ALL HAVING count(*) > 1`,
  );
  await database.run(`CREATE OR REPLACE TEMP TABLE chosen (${tableDefinition(type)})`);
  const parts = Math.ceil((await database.number('SELECT sum(copies) FROM repeated')) / ROWS_AT_A_TIME);
  for (let part = 0; part < parts; part++)
    await database.run(
      `INSERT INTO chosen SELECT ${columns.join(', ')} FROM ${relation}
       SEMI JOIN (SELECT key FROM repeated WHERE key % ${parts} = ${part}) AS part ON ${key} = part.key ${oneOfEachKey(type)}`,
    );
  return `(SELECT ${columns.join(', ')} FROM ${relation} ANTI JOIN repeated ON ${key} = repeated.key UNION ALL SELECT * FROM chosen)`;
}
