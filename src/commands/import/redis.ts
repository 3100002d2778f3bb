import type { Summary } from '../../lib/cli/summary.js';
import { BrokenLines } from '../../lib/input/broken-lines.js';
import { stoppedInput } from '../../lib/input/stopped-input.js';
import { counted } from '../../lib/model/counted.js';
import { UsageError } from '../../lib/model/errors.js';
import { isRedis } from '../../lib/redis/url.js';

/** Flags that describe files. */
const FILE_FLAGS = [
  ...['as', 'preset', 'exchange', 'market', 'symbols', 'interval', 'columns', 'time-unit', 'input-tz', 'side-map'],
  ...['delimiter', 'no-header', 'decimal', 'dry-run', 'from'],
] as const;

/** Values of flags that were not given; `.` is the default of --decimal. */
const UNSET: readonly unknown[] = [undefined, false, '.'];

type FollowOptions = { readonly stopped: AbortSignal; readonly notice: (text: string) => void };

/** Returns the records of Redis streams until the step is stopped. Throws a `UsageError` beside files and their flags. */
export function followRedis(paths: readonly string[], flags: object, { stopped, notice }: FollowOptions) {
  const values = flags as Readonly<Record<string, unknown>>;
  const foreign = FILE_FLAGS.find((name) => !UNSET.includes(values[name]));
  const other = foreign === undefined ? paths.find((path) => !isRedis(path)) : `--${foreign}`;
  if (other !== undefined)
    throw new UsageError(`import: ${other} cannot be used with a Redis stream, which holds records of mdtool`);
  const broken = new BrokenLines(notice);
  return {
    records: stoppedInput(paths, broken, stopped),
    ...({ fallback: '-', endless: true } as const),
    summarize: (summary: Summary) => {
      if (broken.count > 0) summary.incomplete(`${counted(broken.count, 'entry', 'entries')} could not be read`);
    },
  };
}
