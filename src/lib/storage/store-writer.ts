import { randomBytes } from 'node:crypto';
import { NdjsonLines } from '../model/ndjson-lines.js';
import type { AnyRecord } from '../model/records.js';
import { formatDate } from '../model/time.js';
import { currentOwner } from './files/owner.js';
import { SerialQueue } from './files/serial-queue.js';
import { openStoreDirectory } from './files/store-directory.js';
import { JournalFile, JournalLostError } from './journal/journal.js';
import { adoptOrphans } from './journal/recovery.js';
import { claimMore, isRegistered, registerWriter, touchHeartbeat, unregisterWriter } from './journal/writer-registry.js';
import { openStoreContext, type StoreContext } from './log/store-context.js';
import type { Claim } from './log/store-state.js';
import { type Maintenance, maintenanceHere } from './upkeep/maintenance.js';
import { SegmentKeeper } from './upkeep/segment-keeper.js';
import { sweepStore } from './upkeep/sweep.js';

export type StoreWriterOptions = {
  /** What writes, for people: `stream`. */
  readonly step: string;
  /** What no second writer may capture meanwhile; none for history and derived records. */
  readonly claims?: readonly Claim[];
  /** A segment is sealed at so many records, or when it is so old; also at UTC midnight. */
  readonly sealRecords?: number;
  readonly sealEveryMs?: number;
  /** Milliseconds since the epoch; decides when a segment is old, when midnight is and which hours are over. */
  readonly now?: () => number;
  /** After so much silence (milliseconds) another writer counts as gone. */
  readonly silenceLimitMs?: number;
  /** Who seals and merges; this process itself by default. */
  readonly maintenance?: (context: StoreContext) => Maintenance;
  /** Takes notice of what went wrong without a loss: a seal that will be tried again, lines that were broken. */
  readonly onWarning?: (message: string) => void;
};

/** What a writer did from its start to its end. */
export type StoreWriterReport = {
  /** Records written to the journal. */
  readonly written: number;
  /** Of these and of recovered ones, stored already. */
  readonly repeated: number;
  /** Records recovered from journals whose writers had ended without sealing them. */
  readonly recovered: number;
  /** Lines of those that were no whole records. */
  readonly broken: number;
};

const SEAL_RECORDS = 100_000;
const SEAL_EVERY_MS = 60_000;
const SYNC_EVERY_MS = 1000;
const HEARTBEAT_EVERY_MS = 15_000;
/** Lines are handed to the journal in pieces of about this size (bytes). */
const WRITE_SIZE = 4 << 20;

/**
 * Returns a writer to the store in `directory`, which is created when it does not exist or is empty. What writers that
 * are gone left behind is taken over and sealed. Throws a `UsageError` when the directory is no store or when another
 * writer captures some of the same, a `FailureError` when it cannot be written.
 */
export async function openStoreWriter(directory: string, options: StoreWriterOptions): Promise<StoreWriter> {
  const paths = await openStoreDirectory(directory);
  const context = openStoreContext(paths);
  // Sorts by time, and no two are alike.
  const id = `${new Date().toISOString().replace(/[-:]|\..*/g, '')}${randomBytes(4).toString('hex')}`;
  await registerWriter(context, id, options.step, options.claims ?? [], options.silenceLimitMs);
  const writer = new StoreWriter(context, id, options);
  await writer.recover();
  return writer;
}

/**
 * Writes records to the store. They are durable against the end of the process when `write` resolves, against a power
 * loss a second later, and visible to readers at once.
 */
export class StoreWriter {
  readonly id: string;
  readonly #context: StoreContext;
  readonly #options: StoreWriterOptions;
  readonly #now: () => number;
  readonly #keeper: SegmentKeeper;
  /** Appends, changes of file and syncs, one after the other. */
  readonly #queue = new SerialQueue();
  readonly #timers: NodeJS.Timeout[] = [];
  #journal: JournalFile | undefined;
  #segments = 0;
  readonly #lines = new NdjsonLines();
  #claims: readonly Claim[];
  /** Records whose lines wait to be appended. */
  #pending = 0;
  #flush: Promise<void> | undefined;
  #written = 0;
  #syncFailure: unknown;

  constructor(context: StoreContext, id: string, options: StoreWriterOptions) {
    this.id = id;
    this.#context = context;
    this.#options = options;
    this.#claims = options.claims ?? [];
    this.#now = options.now ?? Date.now;
    const maintenance = (options.maintenance ?? maintenanceHere)(context);
    const warn = (message: string) => options.onWarning?.(message);
    this.#keeper = new SegmentKeeper(context, { writer: id, maintenance, now: this.#now, warn });
    this.#repeat(Math.min(SYNC_EVERY_MS, options.sealEveryMs ?? SEAL_EVERY_MS), () => this.#tick());
    this.#repeat(HEARTBEAT_EVERY_MS, () => touchHeartbeat(context, id));
  }

  /** Takes over what writers that are gone left behind; it is sealed while this one writes on. */
  async recover(): Promise<void> {
    const { silenceLimitMs } = this.#options;
    for (const journal of await adoptOrphans(this.#context, this.id, silenceLimitMs)) this.#keeper.seal(journal, undefined);
    await sweepStore(this.#context);
  }

  /**
   * Resolves when the records are in the journal. `clock` is not stored. Records of several calls that wait at the same
   * time are written together. Throws a `FailureError` when the disk is full or the like: then none of the waiting
   * records is stored, those before are, and a later call may succeed.
   */
  async write(records: readonly AnyRecord[]): Promise<void> {
    if (this.#syncFailure) throw this.#takeSyncFailure();
    await this.#keeper.room();
    for (const record of records) {
      if (record.type === 'clock') continue;
      this.#lines.add(record);
      this.#pending += 1;
      if (this.#lines.length >= WRITE_SIZE) await this.#flushed();
    }
    await this.#flushed();
  }

  /** From now on no second writer may capture these either. Throws a `ClaimedError` when a living one does. */
  async claim(claims: readonly Claim[]): Promise<void> {
    await claimMore(this.#context, this.id, claims, this.#options.silenceLimitMs);
    this.#claims = [...this.#claims, ...claims];
  }

  /** Resolves when what was written before survives a power loss. */
  async sync(): Promise<void> {
    await this.#flushed();
    await this.#queue.run(async () => this.#journal?.sync());
  }

  /** Seals what is open, waits until everything is sealed, and signs off. Throws a `FailureError`; nothing is lost then. */
  async close(): Promise<StoreWriterReport> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#flushed();
    await this.#queue.run(() => this.#rotate());
    const { repeated, recovered, broken } = await this.#keeper.finish();
    await unregisterWriter(this.#context, this.id);
    return { written: this.#written, repeated, recovered, broken };
  }

  /** Resolves when all that is pending now has been written; what comes meanwhile shares the next write. */
  async #flushed(): Promise<void> {
    if (this.#pending === 0) return;
    this.#flush ??= this.#queue.run(() => {
      const records = this.#pending;
      this.#pending = 0;
      this.#flush = undefined;
      return this.#append(this.#lines.take(), records);
    });
    await this.#flush;
  }

  async #append(lines: Uint8Array, records: number): Promise<void> {
    // A journal that was taken over may or may not have been read with these lines in it: they are written again, and
    // the second copy goes when it is sealed.
    for (;;) {
      const journal = await this.#openJournal();
      try {
        await journal.append(lines, records);
        break;
      } catch (error) {
        if (!(error instanceof JournalLostError)) throw error;
        this.#options.onWarning?.(`${error.message} after this one had been suspended; going on in a new file`);
        this.#journal = undefined;
        await journal.close();
      }
    }
    this.#written += records;
    if (this.#isDue(this.#journal as JournalFile)) await this.#rotate();
  }

  async #openJournal(): Promise<JournalFile> {
    if (this.#journal) return this.#journal;
    const { step, silenceLimitMs } = this.#options;
    // Others may have taken this writer for gone while it was suspended.
    if (!isRegistered(await this.#context.log.read(), this.id))
      await registerWriter(this.#context, this.id, step, this.#claims, silenceLimitMs);
    const segment = `${this.id}-${this.#segments++}`;
    this.#journal = await JournalFile.create(this.#context.paths.journal, segment, { step, owner: currentOwner() }, this.#now());
    return this.#journal;
  }

  #isDue({ records, openedAt }: JournalFile): boolean {
    const { sealRecords = SEAL_RECORDS, sealEveryMs = SEAL_EVERY_MS } = this.#options;
    const now = this.#now();
    return records >= sealRecords || now - openedAt >= sealEveryMs || formatDate(now * 1000) !== formatDate(openedAt * 1000);
  }

  /** Hands the open journal over to be sealed; the next record opens a new one. */
  async #rotate(): Promise<void> {
    const journal = this.#journal;
    if (!journal) return;
    await journal.sync();
    this.#journal = undefined;
    await journal.close();
    this.#keeper.seal({ path: journal.path, segment: journal.segment, holder: this.id }, journal.records);
  }

  async #tick(): Promise<void> {
    await this.#queue.run(async () => {
      if (!this.#journal) return;
      await this.#journal.sync();
      if (this.#isDue(this.#journal)) await this.#rotate();
    });
    await this.#keeper.deleteSealed();
  }

  #repeat(everyMs: number, work: () => Promise<void>): void {
    let running = false;
    const timer = setInterval(() => {
      if (running) return;
      running = true;
      work()
        .catch((error) => {
          this.#syncFailure = error;
        })
        .finally(() => {
          running = false;
        });
    }, everyMs);
    this.#timers.push(timer.unref());
  }

  #takeSyncFailure(): unknown {
    const failure = this.#syncFailure;
    this.#syncFailure = undefined;
    return failure;
  }
}
