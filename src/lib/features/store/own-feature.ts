import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { importFile, withPlaces } from '../../input/user-module.js';
import { FailureError, UsageError } from '../../model/errors.js';
import { didYouMean } from '../../model/suggestion.js';
import { SECOND } from '../../model/time.js';
import type { Absence } from '../absence.js';
import type { Feature, Measure } from '../feature.js';
import { INPUT_NAMES, type Input } from '../inputs.js';
import type { MicroRow } from '../micro-series.js';
import { FEATURES, LONGEST } from '../registry.js';

/** State of a user's feature for one symbol. */
export type OwnMeasure = {
  /** Takes the next second; returns the feature at its end, undefined where it has none. */
  update(second: Readonly<MicroRow>): number | undefined;
};

/** Exports of a module with a feature of the user's. `examples/flow-balance.js` is one. */
export type FeatureModule = {
  /** Snake case; its key in the column `own`. */
  readonly name: string;
  readonly definition?: string | undefined;
  readonly inputs: readonly Input[];
  /** Seconds that it looks back on; `--window NAME=5m` changes it. */
  readonly window: number;
  /** Seconds after which it does not depend on where the data begins; the window by default. */
  readonly warmUp?: number | undefined;
  /** Called for each symbol, and again after a silence: everything that it remembers belongs in here. */
  create(window: number): OwnMeasure;
};

/** Loads modules as features. Throws a `UsageError` that names what a module lacks. */
export async function loadFeatures(paths: readonly string[]): Promise<Feature[]> {
  const features: Feature[] = [];
  for (const path of paths) {
    const feature = await loadFeature(path);
    if (features.some(({ name }) => name === feature.name))
      throw new UsageError(`${path}: feature ${feature.name} appears twice`);
    features.push(feature);
  }
  return features;
}

async function loadFeature(path: string): Promise<Feature> {
  const exported = (await importFile(path)) as Partial<FeatureModule> & { readonly default?: Partial<FeatureModule> };
  const { name, definition, inputs, window, warmUp } = checked(exported.default ?? exported, path);
  const { create } = withPlaces((exported.default ?? exported) as FeatureModule, ['create'], path);
  const needed = (seconds: number) => (warmUp === undefined ? seconds : Math.max(1, warmUp - window + seconds));
  return {
    name,
    definition: definition ?? `your own, ${path}`,
    inputs,
    window,
    own: createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
      .slice(0, 16),
    warmUp: needed,
    since: (end, seconds) => end - needed(seconds) * SECOND,
    create: (seconds) => measureOf(() => withPlaces(create(seconds), ['update'], path), needed(seconds), path),
  };
}

function measureOf(create: () => OwnMeasure, warmUp: number, path: string): Measure {
  let measure = create();
  let rows = 0;
  return {
    update(row): number | Absence {
      // A module that changed the row would change the `micro` record.
      const value: unknown = measure.update(Object.freeze({ ...row }));
      rows += 1;
      if (value !== undefined && value !== null && (typeof value !== 'number' || !Number.isFinite(value)))
        throw new FailureError(`${path}: expected a finite number, or undefined for none, was ${String(value)} (in update)`);
      if (rows < warmUp) return 'warming';
      return value ?? 'missing';
    },
    restart() {
      measure = create();
      rows = 0;
    },
  };
}

function checked(module: Partial<FeatureModule>, path: string): FeatureModule {
  const { name, inputs, window, warmUp, create } = module;
  const refuse = (expected: string, found: unknown): never => {
    throw new UsageError(`${path}: expected ${expected}, was ${JSON.stringify(found) ?? String(found)}`);
  };
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_]{0,39}$/.test(name))
    return refuse('an export "name" of up to 40 lower-case letters, digits and _', name);
  if (FEATURES.some((feature) => feature.name === name)) return refuse('a name that no feature of mdtool has', name);
  if (!Array.isArray(inputs) || inputs.length === 0) return refuse(`"inputs", a list out of ${INPUT_NAMES.join(', ')}`, inputs);
  const unknown = inputs.find((input) => !INPUT_NAMES.includes(input));
  if (unknown !== undefined)
    throw new UsageError(
      `${path}: expected inputs out of ${INPUT_NAMES.join(', ')}, was "${unknown}"${didYouMean(String(unknown), INPUT_NAMES)}`,
    );
  if (!isSeconds(window)) return refuse(`"window" in whole seconds from 1 to ${LONGEST}`, window);
  if (warmUp !== undefined && (!isSeconds(warmUp) || warmUp < window))
    return refuse(`"warmUp" in whole seconds from the window to ${LONGEST}`, warmUp);
  if (typeof create !== 'function') return refuse('an exported function "create"', create);
  return module as FeatureModule;
}

function isSeconds(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= LONGEST;
}
