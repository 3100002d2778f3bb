import { SECOND } from '../model/time.js';
import type { Absence } from './absence.js';
import type { Bars } from './bars.js';
import type { DayFlow } from './day-flow.js';
import type { Input } from './inputs.js';
import type { MicroRow } from './micro-series.js';

/** One feature of one symbol while rows come. */
export type Measure = {
  /** Takes the next second and returns the feature at its end. */
  update(row: MicroRow): number | Absence;
  /** Begins anew: the next row is that of `second` (its end, whole seconds since the epoch). */
  restart(second: number): void;
};

/** What features of one symbol share. */
export type Shared = { readonly bars: Bars; readonly flow: DayFlow };

/** One feature: what it is, what it needs, and how it is computed. */
export type Feature = {
  /** The column. */
  readonly name: string;
  readonly definition: string;
  readonly inputs: readonly Input[];
  /** Default window in seconds, undefined where it has none of its own. */
  readonly window?: number | undefined;
  /** What its window or warm-up is, where seconds do not say it. */
  readonly span?: string | undefined;
  /** Returns after how many rows it no longer depends on where the data began. */
  warmUp(window: number): number;
  /** Returns the beginning of the time that the value at `end` depends on, undefined where `Bars` knows. */
  since(end: number, window: number): number | undefined;
  create(window: number, shared: Shared): Measure;
};

/** What a feature declares; the rest follows. */
type Declaration = Pick<Feature, 'name' | 'definition' | 'inputs' | 'create'> & Partial<Feature>;

/** Returns a feature that depends on its window alone and has its first value when that is full. */
export function windowed(declaration: Declaration & { readonly window: number; readonly more?: number }): Feature {
  const { more = 0, ...rest } = declaration;
  return { warmUp: (window) => window + more, since: (end, window) => end - (window + more) * SECOND, ...rest };
}

/** Returns a feature that depends on the last second alone. */
export function momentary(declaration: Omit<Declaration, 'create'> & { value: (row: MicroRow) => number | undefined }): Feature {
  const { value, ...rest } = declaration;
  const measure: Measure = { update: (row) => value(row) ?? 'missing', restart() {} };
  return { span: 'now', warmUp: () => 1, since: (end) => end - SECOND, create: () => measure, ...rest };
}
