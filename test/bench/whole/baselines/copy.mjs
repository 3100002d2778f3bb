// A file copied into Parquet by DuckDB: copy.mjs FILE OUT
import { connect } from './open.mjs';

const [path, out] = process.argv.slice(2);
const connection = await connect();
await connection.run(`COPY (FROM '${path}') TO '${out}' (FORMAT parquet)`);
