import { DuckDBInstance } from '@duckdb/node-api';

/** Returns a connection as a user would open it; the memory limit is that of mdtool. */
export async function connect() {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}

/** Returns the column of doubles of a query. */
export async function doubles(connection, sql) {
  const reader = await connection.runAndReadAll(sql);
  return reader.getColumns().map((values) => Float64Array.from(values));
}
