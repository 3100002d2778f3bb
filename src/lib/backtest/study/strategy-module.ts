import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FailureError, UsageError } from '../../model/errors.js';
import type { Bars } from '../market-data.js';
import type { Strategy } from '../strategy.js';

/** Parameters of a user's strategy: numbers set by `--param` and `--sweep`. */
export type ModuleParameters = Readonly<Record<string, number>>;

/** Exports of a strategy module: either `create` or `exposure`. `examples/` shows both. */
export type StrategyModule = {
  /** Every parameter with its default. */
  readonly parameters?: ModuleParameters | undefined;
  /** Returns a strategy that is called event by event. */
  create?(parameters: ModuleParameters): Strategy;
  /**
   * Returns the target exposure after each candle, a signed multiple of equity. Value i must depend on candles 0 to i only:
   * anything later is look-ahead.
   */
  exposure?(bars: Bars, parameters: ModuleParameters): Float64Array;
};

/** Loads a module. Throws a `UsageError` if it is not a strategy, a `FailureError` if it cannot be loaded. */
export async function loadStrategy(path: string): Promise<StrategyModule> {
  const module = (await importFile(path)) as Partial<StrategyModule> & { readonly default?: Partial<StrategyModule> };
  const strategy = module.default ?? module;
  const isCallable = (value: unknown) => typeof value === 'function';
  if (isCallable(strategy.create) === isCallable(strategy.exposure))
    throw new UsageError(`${path}: expected one exported function, "create" or "exposure"`);
  for (const [name, value] of Object.entries(strategy.parameters ?? {}))
    if (!Number.isFinite(value)) throw new UsageError(`${path}: parameter ${name}: expected a number, was ${value}`);
  return strategy as StrategyModule;
}

async function importFile(path: string): Promise<unknown> {
  const url = pathToFileURL(resolve(path)).href;
  try {
    if (!/\.[cm]?ts$/.test(path) || 'typescript' in process.features) return await import(url);
    const { tsImport } = await loadTsx(path);
    return await tsImport(url, import.meta.url);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(resolve(path)))
      throw new FailureError(`cannot read ${path}: no such file`, { cause: error });
    throw new FailureError(`cannot load ${path}: ${message}`, { cause: error });
  }
}

/** Node 20 does not run TypeScript natively. */
async function loadTsx(path: string): Promise<typeof import('tsx/esm/api')> {
  try {
    return await import('tsx/esm/api');
  } catch (error) {
    throw new UsageError(`${path}: TypeScript needs the package tsx (npm install tsx) or Node 22.18 or later`, {
      cause: error,
    });
  }
}
