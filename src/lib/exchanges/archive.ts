import type { Market, Trade } from '../model/records.js';
import type { Span } from '../model/span.js';

/** What the name of an archive file says: whose trades it holds, and the time that it covers whole. */
export type ArchiveName = { readonly symbol: string; readonly label: string; readonly span: Span };

/** How the rows of one archive file are read. */
export type ArchiveLayout = {
  readonly market: Market;
  readonly symbol: string;
  /**
   * Whether ids are those of the socket and of REST. Otherwise they consist of the file's label and the row's
   * number, and cannot match trades from other sources.
   */
  readonly hasPublicIds: boolean;
  /** The columns that `read` uses. */
  readonly columns: readonly string[];
  /** Maps one row, or returns the reason why it is no trade. */
  read(cells: readonly string[]): Trade | string;
};

/** The daily files of trades that an exchange publishes. */
export type Archives = {
  /** The columns that each layout requires. */
  readonly headers: readonly (readonly string[])[];
  /** Returns what a file's name says, undefined where it is no name of theirs. */
  nameOf(file: string): ArchiveName | undefined;
  /** Returns how to read a file by its header, undefined for a layout that is not theirs. */
  layoutOf(header: readonly string[], name: ArchiveName): ArchiveLayout | undefined;
};
