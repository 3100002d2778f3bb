import { SECOND } from '../model/time.js';
import type { Absence } from './absence.js';
import type { Bars } from './bars.js';
import type { DayFlow } from './day-flow.js';
import type { Input } from './inputs.js';
import type { MicroRow } from './micro-series.js';

/** One feature of one symbol, updated row by row. */
export type Measure = {
  /** Adds the next second and returns the feature at its end. */
  update(row: MicroRow): number | Absence;
  /** Starts again: the next row is that of `second` (its end, whole seconds since the epoch). */
  restart(second: number): void;
};

/** State that the features of one symbol share. */
export type Shared = { readonly bars: Bars; readonly flow: DayFlow };

/** One feature: its definition, its inputs and its computation. */
export type Feature = {
  /** Name of the column. */
  readonly name: string;
  readonly definition: string;
  readonly inputs: readonly Input[];
  /** Default window in seconds, undefined where it has none of its own. */
  readonly window?: number | undefined;
  /** Its window or warm-up in words, where seconds are not enough. */
  readonly span?: string | undefined;
  /** Returns the number of rows after which it does not depend on where the data begins. */
  warmUp(window: number): number;
  /** Returns the start of the time that the value at `end` depends on, undefined where `Bars` knows it. */
  since(end: number, window: number): number | undefined;
  create(window: number, shared: Shared): Measure;
  /** A feature of the user's: its values stand in the column `own`, and its code in a file with this digest. */
  readonly own?: string | undefined;
};

/** The required part of a feature; the rest has defaults. */
type Declaration = Pick<Feature, 'name' | 'definition' | 'inputs' | 'create'> & Partial<Feature>;

/** Creates a feature that depends only on its window and has its first value when the window is full. */
export function windowed(declaration: Declaration & { readonly window: number; readonly more?: number }): Feature {
  const { more = 0, ...rest } = declaration;
  return { warmUp: (window) => window + more, since: (end, window) => end - (window + more) * SECOND, ...rest };
}

/** Creates a feature that depends only on the last second. */
export function momentary(declaration: Omit<Declaration, 'create'> & { value: (row: MicroRow) => number | undefined }): Feature {
  const { value, ...rest } = declaration;
  const measure: Measure = { update: (row) => value(row) ?? 'missing', restart() {} };
  return { span: 'now', warmUp: () => 1, since: (end) => end - SECOND, create: () => measure, ...rest };
}
