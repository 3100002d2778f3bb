import { randomBytes } from 'node:crypto';
import { NdjsonLines } from '../model/ndjson-lines.js';
import type { AnyRecord } from '../model/records.js';
import { formatDate } from '../model/time.js';
import { currentOwner } from './files/owner.js';
import { SerialQueue } from './files/serial-queue.js';
import { openStoreDirectory } from './files/store-directory.js';
import { JournalFile, JournalLostError } from './journal/journal.js';
import { adoptOrphans } from './journal/recovery.js';
import { claimMore, isHolding, registerWriter, touchHeartbeat, unregisterWriter } from './journal/writer-registry.js';
import { openStoreContext, type StoreContext } from './log/store-context.js';
import type { Claim } from './log/store-state.js';
import { type Maintenance, maintenanceHere } from './upkeep/maintenance.js';
import { SegmentKeeper } from './upkeep/segment-keeper.js';
import { sweepStore } from './upkeep/sweep.js';

export type StoreWriterOptions = {
  /** The name of the writing step, shown to users: `stream`. */
  readonly step: string;
  /** Claims that no second writer may hold meanwhile; none for history and derived records. */
  readonly claims?: readonly Claim[];
  /** A segment is sealed at this number of records or at this age; also at a size, and at UTC midnight. */
  readonly sealRecords?: number;
  readonly sealEveryMs?: number;
  /** Milliseconds since the epoch; decides the age of a segment, midnight, and which hours are over. */
  readonly now?: () => number;
  /** Another writer counts as gone after this long without a heartbeat (milliseconds). */
  readonly silenceLimitMs?: number;
  /** Seals and merges; by default in this process. */
  readonly maintenance?: (context: StoreContext) => Maintenance;
  /** Called on problems without a loss: a seal that will be retried, broken lines. */
  readonly onWarning?: (message: string) => void;
};

/** Counts of one writer from its start to its end. */
export type StoreWriterReport = {
  /** Records written to the journal. */
  readonly written: number;
  /** Duplicates among the written and recovered records. */
  readonly repeated: number;
  /** Trades with the id of a different, earlier one, which were dropped. */
  readonly contradicting: number;
  /** Records recovered from journals that an interrupted run left unsealed. */
  readonly recovered: number;
  /** Lines in those journals that were not whole records. */
  readonly broken: number;
};

/** Each seal opens a database and writes a file per type, and files of one hour are merged again: few large ones cost less. */
const SEAL_RECORDS = 400_000;
/** A segment of whole books is as large with few records (bytes): its rows are sorted in memory. */
const SEAL_BYTES = 96 << 20;
const SEAL_EVERY_MS = 60_000;
const SYNC_EVERY_MS = 1000;
/** Lines are written to the journal in pieces of about this size (bytes). */
const WRITE_SIZE = 4 << 20;

/**
 * Returns a writer to the store in `directory`, which is created when it does not exist or is empty. Takes over and seals
 * the journals of writers that are gone. Throws a `UsageError` when the directory is not a store or another writer holds
 * one of the claims, a `FailureError` when the store cannot be written.
 */
export async function openStoreWriter(directory: string, options: StoreWriterOptions): Promise<StoreWriter> {
  const paths = await openStoreDirectory(directory);
  const context = openStoreContext(paths);
  // Ids sort by time and are unique.
  const id = `${new Date().toISOString().replace(/[-:]|\..*/g, '')}${randomBytes(4).toString('hex')}`;
  await registerWriter(context, id, options.step, options.claims ?? [], options.silenceLimitMs);
  const writer = new StoreWriter(context, id, options);
  await writer.recover();
  return writer;
}

/**
 * Writes records to the store. When `write` resolves they survive the end of the process and are visible to readers; a
 * second later they survive a power loss.
 */
export class StoreWriter {
  readonly id: string;
  readonly #context: StoreContext;
  readonly #options: StoreWriterOptions;
  readonly #now: () => number;
  readonly #keeper: SegmentKeeper;
  /** Runs appends, changes of journal and syncs one after the other. */
  readonly #queue = new SerialQueue();
  readonly #timers: NodeJS.Timeout[] = [];
  #journal: JournalFile | undefined;
  #segments = 0;
  readonly #lines = new NdjsonLines();
  #claims: readonly Claim[];
  /** Records whose lines are not appended yet. */
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
    this.#repeat(context.paths.files.heartbeats.everyMs, () => this.#renew());
  }

  /** Takes over the journals of writers that are gone. They are sealed in the background. */
  async recover(): Promise<void> {
    const { silenceLimitMs } = this.#options;
    for (const journal of await adoptOrphans(this.#context, this.id, silenceLimitMs)) this.#keeper.seal(journal, undefined);
    await sweepStore(this.#context);
  }

  /**
   * Resolves when the records are in the journal. `clock` is not stored. Calls that wait at the same time share one write.
   * Throws a `FailureError` when the journal cannot be written, such as on a full disk: then none of the waiting records
   * is stored, all earlier ones are, and a later call may succeed.
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

  /** Adds claims. Throws a `ClaimedError` when another running writer holds one of them. */
  async claim(claims: readonly Claim[]): Promise<void> {
    await claimMore(this.#context, this.id, claims, this.#options.silenceLimitMs);
    this.#claims = [...this.#claims, ...claims];
  }

  /** Resolves when all records written so far survive a power loss. */
  async sync(): Promise<void> {
    await this.#flushed();
    await this.#queue.run(async () => this.#journal?.sync());
  }

  /** Seals all journals and unregisters the writer. Throws a `FailureError`; the records then stay in the journal. */
  async close(): Promise<StoreWriterReport> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#flushed();
    await this.#queue.run(() => this.#rotate());
    const { repeated, contradicting, recovered, broken } = await this.#keeper.finish();
    await unregisterWriter(this.#context, this.id);
    return { written: this.#written, repeated, contradicting, recovered, broken };
  }

  /** Resolves when all pending lines are written. Lines that arrive meanwhile share the next write. */
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
    // A taker may or may not have read these lines. Writing them again is safe: sealing drops the second copy.
    for (;;) {
      const journal = await this.#openJournal();
      try {
        await journal.append(lines, records);
        break;
      } catch (error) {
        if (!(error instanceof JournalLostError)) throw error;
        this.#options.onWarning?.(`${error.message} while this one was suspended; continuing in a new journal`);
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
    if (!(await isHolding(this.#context, this.id)))
      await registerWriter(this.#context, this.id, step, this.#claims, silenceLimitMs);
    const segment = `${this.id}-${this.#segments++}`;
    this.#journal = await JournalFile.create(this.#context.paths.journal, segment, { step, owner: currentOwner() }, this.#now());
    return this.#journal;
  }

  #isDue({ records, bytes, openedAt }: JournalFile): boolean {
    const { sealRecords = SEAL_RECORDS, sealEveryMs = SEAL_EVERY_MS } = this.#options;
    const now = this.#now();
    return (
      records >= sealRecords ||
      bytes >= SEAL_BYTES ||
      now - openedAt >= sealEveryMs ||
      formatDate(now * 1000) !== formatDate(openedAt * 1000)
    );
  }

  /** Passes the open journal on to be sealed; the next record opens a new one. */
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

  /** A writer that lost its claims opens a new journal for its next record, and for that it must get them again. */
  async #renew(): Promise<void> {
    if ((await touchHeartbeat(this.#context, this.id)) === 'lost') await this.#queue.run(() => this.#rotate());
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
