import type { DuckDBConnection } from '@duckdb/node-api';

const OPEN = new Set<DuckDBConnection>();
let isFollowed = false;

/** Makes DuckDB count how far each statement is, in databases that are opened from now on; it does so only when asked to. */
export function followStatements(): void {
  isFollowed = true;
}

export async function followConnection(connection: DuckDBConnection): Promise<void> {
  if (!isFollowed) return;
  await connection.run('SET enable_progress_bar = true');
  await connection.run('SET enable_progress_bar_print = false');
  OPEN.add(connection);
}

export function forgetConnection(connection: DuckDBConnection): void {
  OPEN.delete(connection);
}

/** The share that is done of the statement that runs, 0 to 1, for the eye alone; undefined while none runs. */
export function statementShare(): number | undefined {
  for (const connection of OPEN) {
    const { percentage } = connection.progress;
    if (percentage > 0) return Math.min(1, percentage / 100);
  }
  return undefined;
}
