import type { RecordType } from '../../model/records.js';
import type { Owner } from '../files/owner.js';
import { type Partition, partitionOf, partitionPath } from '../files/partition.js';
import type { Segments } from '../files/segments.js';

/** One Parquet file of the store as the log describes it. */
export type StoredFile = {
  /** Relative to the store, `/` between the parts. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 of the bytes, hexadecimal: reveals later changes of the file. Absent on files of older versions. */
  readonly sha256?: string | undefined;
  /** Minimum and maximum `timestamp`, microseconds. */
  readonly min: number;
  readonly max: number;
  /** The symbols in it; absent when there are more than `LISTED_SYMBOLS`. */
  readonly symbols?: readonly string[] | undefined;
  readonly segments: Segments;
  /** Whether it is the result of a merge. */
  readonly merged?: boolean | undefined;
  /** Whether it may hold rows that another file of its partition holds as well: readers then keep one row per key. */
  readonly overlay?: boolean | undefined;
};

/** More symbols than this are not listed per file: the state of a large store stays small. */
export const LISTED_SYMBOLS = 24;

/** A set of symbols on one channel that only one writer at a time may capture. */
export type Claim = {
  readonly exchange: string;
  readonly market: string;
  readonly channel: string;
  readonly symbols: readonly string[] | 'all';
};

/** A process that writes to the store. */
export type WriterEntry = { readonly step: string; readonly owner: Owner; readonly claims: readonly Claim[] };

/** One change of the store, applied completely or not at all. */
export type Change = {
  /** Microseconds. */
  readonly at: number;
  /** A segment whose records are now in the files of `add`, no longer in its journal. */
  readonly seal?: string;
  readonly add?: readonly StoredFile[];
  /** Files that `add` replaces. They stay on disk for readers that began earlier, until `forget`. */
  readonly remove?: readonly string[];
  /** Replaced files that are deleted from the disk. */
  readonly forget?: readonly string[];
  /** Sealed segments whose journals are deleted. */
  readonly discard?: readonly string[];
  readonly open?: { readonly writer: string; readonly entry: WriterEntry };
  readonly close?: readonly string[];
  /** Lasting facts about the store (`candles.1m.open` = `first-trade`). The log spells this key `settings`. */
  readonly metadata?: Readonly<Record<string, string>>;
};

/** Returns a change as the log stores it, one JSON document. */
export function encodeChange({ metadata, ...change }: Change): string {
  return JSON.stringify(metadata === undefined ? change : { ...change, settings: metadata });
}

/** Returns the change that a document of the log describes. Throws when it is not JSON. */
export function decodeChange(text: string): Change {
  const { settings, ...change } = JSON.parse(text);
  return settings === undefined ? change : { ...change, metadata: settings };
}

/** The state of a store after `version` changes. */
export class StoreState {
  version = 0;
  readonly files = new Map<string, StoredFile>();
  /** Sealed segments whose journals may still exist. */
  readonly sealed = new Set<string>();
  /** Replaced files that may still exist, with the time of their replacement. */
  readonly replaced = new Map<string, number>();
  readonly writers = new Map<string, WriterEntry>();
  readonly metadata = new Map<string, string>();
  readonly #partitions = new Map<string, Set<StoredFile>>();

  /** Returns the files of a partition. */
  partition(partition: Partition): StoredFile[] {
    return [...(this.#partitions.get(partitionPath(partition)) ?? [])];
  }

  /** Yields every partition that has files, with its files. */
  *partitions(types?: ReadonlySet<RecordType>): Generator<{ partition: Partition; files: StoredFile[] }> {
    for (const [path, files] of this.#partitions) {
      const partition = partitionOf(`${path}/`);
      if (types === undefined || types.has(partition.type)) yield { partition, files: [...files] };
    }
  }

  /** Applies the next change of the log. */
  apply(change: Change): void {
    this.version += 1;
    if (change.seal !== undefined) this.sealed.add(change.seal);
    for (const path of change.remove ?? []) this.#remove(path, change.at);
    for (const file of change.add ?? []) this.#add(file);
    for (const path of change.forget ?? []) this.replaced.delete(path);
    for (const segment of change.discard ?? []) this.sealed.delete(segment);
    if (change.open) this.writers.set(change.open.writer, change.open.entry);
    for (const writer of change.close ?? []) this.writers.delete(writer);
    for (const [name, value] of Object.entries(change.metadata ?? {})) this.metadata.set(name, value);
  }

  /** Returns the state as one JSON document. */
  encode(): string {
    const { version, files, sealed, replaced, writers, metadata } = this;
    return JSON.stringify({
      version,
      files: [...files.values()],
      sealed: [...sealed],
      replaced: [...replaced],
      writers: [...writers],
      settings: [...metadata],
    });
  }

  /** Returns the state in a document of `encode`. Throws on any other text. */
  static decode(text: string): StoreState {
    const document = JSON.parse(text);
    const state = new StoreState();
    state.version = document.version;
    for (const file of document.files) state.#add(file);
    for (const segment of document.sealed) state.sealed.add(segment);
    for (const [path, at] of document.replaced) state.replaced.set(path, at);
    for (const [writer, entry] of document.writers) state.writers.set(writer, entry);
    for (const [name, value] of document.settings) state.metadata.set(name, value);
    return state;
  }

  #add(file: StoredFile): void {
    this.files.set(file.path, file);
    const directory = file.path.slice(0, file.path.lastIndexOf('/'));
    const siblings = this.#partitions.get(directory) ?? new Set();
    this.#partitions.set(directory, siblings.add(file));
  }

  #remove(path: string, at: number): void {
    const file = this.files.get(path);
    if (!file) return;
    this.files.delete(path);
    this.replaced.set(path, at);
    const directory = path.slice(0, path.lastIndexOf('/'));
    const siblings = this.#partitions.get(directory);
    siblings?.delete(file);
    if (siblings?.size === 0) this.#partitions.delete(directory);
  }
}

/** Returns whether two files of one partition may hold the same record. */
export function mayOverlap(a: StoredFile, b: StoredFile): boolean {
  if (a.min > b.max || b.min > a.max) return false;
  return !a.symbols || !b.symbols || a.symbols.some((symbol) => b.symbols?.includes(symbol));
}
