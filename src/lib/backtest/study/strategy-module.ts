import { importFile, withPlaces } from '../../input/user-module.js';
import { UsageError } from '../../model/errors.js';
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
  return located(strategy as StrategyModule, path);
}

const CALLBACKS = ['start', 'trade', 'bar', 'filled', 'refused', 'rejected', 'woken', 'levels', 'figures', 'notes'] as const;

/** Errors of the module, and of the strategies that it makes, name its file, line and function. */
function located(module: StrategyModule, path: string): StrategyModule {
  const { create, exposure } = withPlaces(module, ['create', 'exposure'], path);
  const { parameters } = module;
  return {
    parameters,
    ...(exposure && { exposure }),
    ...(create && {
      create: (values: ModuleParameters) => {
        const strategy: unknown = create(values);
        if (typeof strategy !== 'object' || strategy === null)
          throw new UsageError(`${path}: create: expected a strategy, was ${strategy === null ? 'null' : typeof strategy}`);
        return withPresentNames(withPlaces(strategy as Earlier, CALLBACKS, path));
      },
    }),
  };
}

/** A strategy as it may have been written earlier. */
type Earlier = Strategy & { rejected?: Strategy['refused'] };

/** A strategy with `refused` under its earlier name, `rejected`, would never hear of an order that was refused. */
function withPresentNames({ rejected, ...strategy }: Earlier): Strategy {
  return rejected === undefined ? strategy : { refused: rejected, ...strategy };
}
