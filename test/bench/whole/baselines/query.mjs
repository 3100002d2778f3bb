// One query by DuckDB: query.mjs SQL
import { connect } from './open.mjs';

const connection = await connect();
const reader = await connection.runAndReadAll(process.argv[2]);
for (const row of reader.getRowObjectsJson()) console.log(JSON.stringify(row));
