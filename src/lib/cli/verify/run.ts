import type { VerifyListener } from '../../ingest/verify/verify-store.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord, Coverage } from '../../model/records.js';
import type { Summary } from '../summary.js';

/** So many damaged files are told one by one on stderr; the rows name all of them. */
const TOLD_FILES = 20;

/** Counts what verifying found, for the summary and the exit code. */
export class VerifyTally implements VerifyListener {
  readonly #verdicts: Record<Coverage['verdict'], number> = { whole: 0, suspect: 0, mismatch: 0, hole: 0 };
  readonly #tell: (text: string) => void;
  #files = 0;

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  file({ finding }: Parameters<VerifyListener['file']>[0]): void {
    this.#files += 1;
    if (this.#files <= TOLD_FILES) this.#tell(finding.detail);
    else if (this.#files === TOLD_FILES + 1) this.#tell('… more files are damaged; the rows name them');
  }

  async *counted(rows: AsyncIterable<Coverage[]>): AsyncGenerator<AnyRecord[]> {
    for await (const batch of rows) {
      for (const { verdict } of batch) this.#verdicts[verdict] += 1;
      yield batch;
    }
  }

  /** Something that is missing or contradicts itself ends the run with 3, what is suspicious only with `strict`. */
  conclude(summary: Summary, strict: boolean): void {
    const { whole, suspect, mismatch, hole } = this.#verdicts;
    summary.note({ whole, suspect, mismatch, hole, damaged_files: this.#files });
    const bad = [counted(hole, 'hole'), counted(mismatch, 'mismatch'), strict ? counted(suspect, 'suspicious row') : ''];
    const reasons = bad.filter((text) => text !== '');
    if (reasons.length > 0) summary.incomplete(`verify found ${reasons.join(', ')}`);
  }
}

function counted(count: number, what: string): string {
  if (count === 0) return '';
  return `${count} ${count === 1 ? what : `${what}${what.endsWith('h') ? 'es' : 's'}`}`;
}

/** Throws a `UsageError` for outputs into the store that is verified: it is only read. */
export function requireReadOnly(outputs: readonly string[] | undefined): void {
  if (outputs?.includes('store'))
    throw new UsageError('-o store: verify only reads the store; expected -o - or a file such as -o coverage.csv');
}
