import { stat } from 'node:fs/promises';
import { isMissing } from '../files/durable-file.js';
import { SerialQueue } from '../files/serial-queue.js';
import type { JournalEntry } from '../journal/journal.js';
import { deleteJournals } from '../journal/recovery.js';
import { type StoreContext, wallClock } from '../log/store-context.js';
import type { Maintenance } from './maintenance.js';

/** A sealed journal stays this long (milliseconds) for readers that have listed it and are about to open it. */
const SEALED_KEPT_MS = 5000;
/**
 * Maximum number of journals waiting to be sealed; then writing waits. They are on disk and readable, so the limit is
 * high: sealing has a low priority, and a merge or other work on the machine may delay it for a minute.
 */
const MAX_WAITING = 50;

type SegmentKeeperOptions = {
  readonly writer: string;
  readonly maintenance: Maintenance;
  readonly now: () => number;
  readonly warn: (message: string) => void;
};

/** A journal to be sealed; `expected` is unknown for a journal that was taken over. */
type Waiting = { readonly journal: JournalEntry; readonly expected: number | undefined };

/** Seals the journals of one writer in the background, one after the other, and merges finished hours. */
export class SegmentKeeper {
  readonly #context: StoreContext;
  readonly #options: SegmentKeeperOptions;
  readonly #queue = new SerialQueue();
  /** Journals whose sealing failed; retried with the next one. */
  #failed: Waiting[] = [];
  #sealed: { readonly journal: JournalEntry; readonly at: number }[] = [];
  /** Segments whose journals were deleted; not yet recorded in the log. */
  #discarded: string[] = [];
  #failure: unknown;
  #repeated = 0;
  #contradicting = 0;
  #recovered = 0;
  #broken = 0;

  constructor(context: StoreContext, options: SegmentKeeperOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Queues a journal for sealing; `expected` is its number of records, undefined when it was taken over. */
  seal(journal: JournalEntry, expected: number | undefined): void {
    void this.#queue.run(async () => {
      const waiting = [...this.#failed, { journal, expected }];
      this.#failed = [];
      for (const one of waiting) await this.#seal(one);
      await this.#mergeFinished();
    });
  }

  /** Resolves when there is room for another journal. */
  async room(): Promise<void> {
    if (this.#queue.length >= MAX_WAITING) await this.#queue.idle();
  }

  /** Deletes the journals that were sealed a while ago. */
  async deleteSealed(keptMs = SEALED_KEPT_MS): Promise<void> {
    const due = this.#sealed.filter(({ at }) => Date.now() - at >= keptMs);
    this.#sealed = this.#sealed.filter((entry) => !due.includes(entry));
    this.#discarded.push(...(await deleteJournals(due.map(({ journal }) => journal))));
  }

  /** Resolves when all journals are sealed. Throws the last failure; those records stay in the journal. */
  async finish(): Promise<{ repeated: number; contradicting: number; recovered: number; broken: number }> {
    this.#options.maintenance.hurry();
    await this.#queue.idle();
    const again = this.#failed;
    this.#failed = [];
    for (const one of again) await this.#seal(one);
    await this.#options.maintenance.close();
    await this.deleteSealed(0);
    const discard = this.#discarded.splice(0);
    if (discard.length > 0) await this.#context.log.commit(() => ({ at: wallClock(), discard }));
    if (this.#failed.length > 0) throw this.#failure;
    return { repeated: this.#repeated, contradicting: this.#contradicting, recovered: this.#recovered, broken: this.#broken };
  }

  async #seal({ journal, expected }: Waiting): Promise<void> {
    const discard = this.#discarded.splice(0);
    try {
      const report = await this.#options.maintenance.seal({ journal, expected, discard });
      if (!report.sealed) this.#discarded.push(...discard);
      if (report.sealed) this.#repeated += report.repeated;
      if (report.sealed) this.#contradicting += report.contradicting;
      this.#broken += report.broken;
      if (expected === undefined) this.#recovered += report.records;
      if (report.broken > 0)
        this.#options.warn(`${journal.segment}: skipped ${report.broken} broken ${report.broken === 1 ? 'line' : 'lines'}`);
      this.#sealed.push({ journal, at: Date.now() });
    } catch (error) {
      this.#discarded.push(...discard);
      // Another process took it over while this one was suspended, and seals it.
      if (await isTakenOver(journal)) return;
      this.#failure = error;
      this.#failed.push({ journal, expected });
      this.#options.warn(`${(error as Error).message}; the records stay in the journal and are sealed later`);
    }
  }

  async #mergeFinished(): Promise<void> {
    // Sealing goes first: every reader scans a waiting journal from end to end.
    if (this.#queue.length > 1) return;
    const { maintenance, writer, now } = this.#options;
    try {
      await maintenance.merge(writer, now() * 1000);
    } catch (error) {
      this.#options.warn(`${(error as Error).message}; the files stay unmerged`);
    }
  }
}

async function isTakenOver(journal: JournalEntry): Promise<boolean> {
  try {
    await stat(journal.path);
    return false;
  } catch (error) {
    return isMissing(error);
  }
}
