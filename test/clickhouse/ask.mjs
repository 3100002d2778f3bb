/** Prints the rows of one ClickHouse statement, JSON by line. A process of its own: chDB holds up the one that asks. */
import { query } from 'chdb';

process.stdout.write(String(query(process.argv[2], 'JSONEachRow')));
