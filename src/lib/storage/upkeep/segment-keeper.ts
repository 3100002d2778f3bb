import { stat } from 'node:fs/promises';
import { isMissing } from '../files/durable-file.js';
import { SerialQueue } from '../files/serial-queue.js';
import type { JournalEntry } from '../journal/journal.js';
import { deleteJournals } from '../journal/recovery.js';
import { type StoreContext, wallClock } from '../log/store-context.js';
import type { Maintenance } from './maintenance.js';

/** A sealed journal stays this long for readers that have seen it in a list and are about to open it. */
const SEALED_KEPT_MS = 5000;
/**
 * With so many journals waiting, writing waits. They are on the disk and can be read, so there may be many: what seals
 * has a low priority and may be held up for a minute by a merge or by other work on the machine.
 */
const MOST_WAITING = 200;

export type SegmentKeeperOptions = {
  readonly writer: string;
  readonly maintenance: Maintenance;
  readonly now: () => number;
  readonly warn: (message: string) => void;
};

/** A journal to be sealed; of one that was taken over nobody knows how many records it should have. */
type Waiting = { readonly journal: JournalEntry; readonly expected: number | undefined };

/** Seals the journals of one writer one after the other, beside its writing, and merges the hours that are over. */
export class SegmentKeeper {
  readonly #context: StoreContext;
  readonly #options: SegmentKeeperOptions;
  readonly #queue = new SerialQueue();
  /** Journals whose sealing failed; tried again with the next one. */
  #failed: Waiting[] = [];
  #sealed: { readonly journal: JournalEntry; readonly at: number }[] = [];
  /** Segments whose journals are deleted, which the log does not know yet. */
  #discarded: string[] = [];
  #failure: unknown;
  #repeated = 0;
  #recovered = 0;
  #broken = 0;

  constructor(context: StoreContext, options: SegmentKeeperOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Queues a journal that is no longer written; `expected` is how many records were, undefined on one that was taken over. */
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
    if (this.#queue.length >= MOST_WAITING) await this.#queue.idle();
  }

  /** Deletes the journals that were sealed a while ago. */
  async deleteSealed(keptMs = SEALED_KEPT_MS): Promise<void> {
    const due = this.#sealed.filter(({ at }) => Date.now() - at >= keptMs);
    this.#sealed = this.#sealed.filter((entry) => !due.includes(entry));
    this.#discarded.push(...(await deleteJournals(due.map(({ journal }) => journal))));
  }

  /** Resolves when everything is sealed. Throws what kept a journal from being sealed; its records stay in the journal. */
  async finish(): Promise<{ repeated: number; recovered: number; broken: number }> {
    await this.#queue.idle();
    const again = this.#failed;
    this.#failed = [];
    for (const one of again) await this.#seal(one);
    await this.#options.maintenance.close();
    await this.deleteSealed(0);
    const discard = this.#discarded.splice(0);
    if (discard.length > 0) await this.#context.log.commit(() => ({ at: wallClock(), discard }));
    if (this.#failed.length > 0) throw this.#failure;
    return { repeated: this.#repeated, recovered: this.#recovered, broken: this.#broken };
  }

  async #seal({ journal, expected }: Waiting): Promise<void> {
    const discard = this.#discarded.splice(0);
    try {
      const report = await this.#options.maintenance.seal({ journal, expected, discard });
      if (!report.sealed) this.#discarded.push(...discard);
      if (report.sealed) this.#repeated += report.repeated;
      this.#broken += report.broken;
      if (expected === undefined) this.#recovered += report.records;
      if (report.broken > 0) this.#options.warn(`${journal.segment}: ${report.broken} broken lines were left out`);
      this.#sealed.push({ journal, at: Date.now() });
    } catch (error) {
      this.#discarded.push(...discard);
      // Whoever took it over while this process was suspended seals it.
      if (await isTakenOver(journal)) return;
      this.#failure = error;
      this.#failed.push({ journal, expected });
      this.#options.warn(`${(error as Error).message}; the records stay in the journal and will be sealed later`);
    }
  }

  async #mergeFinished(): Promise<void> {
    // Sealing comes first: what waits for it is read by every reader from end to end.
    if (this.#queue.length > 1) return;
    const { maintenance, writer, now } = this.#options;
    try {
      await maintenance.merge(writer, now() * 1000);
    } catch (error) {
      this.#options.warn(`${(error as Error).message}; the files stay as they are`);
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
