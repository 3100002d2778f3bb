import type { Subscription } from '../../exchanges/exchange.js';
import type { PolledType } from '../../exchanges/polling.js';
import { seriesKey } from '../../model/series.js';
import { ClaimedError } from '../../storage/journal/writer-registry.js';
import type { Claim } from '../../storage/log/store-state.js';
import type { UniverseAnswer } from './universe-watch.js';

export type Wanted = Pick<UniverseAnswer, 'wanted' | 'symbols'>;

/** Claims symbols and channels of a store; throws a `ClaimedError` when another run captures some of them. */
export type Claimer = (claims: readonly Claim[]) => Promise<void>;

/** One symbol with its channels and polled types. */
type Unit = { readonly exchange: string; readonly market: string; readonly symbol: string; readonly channels: Set<string> };

/** Returns the claims of a run: two captures of one feed into one store would write it twice. One per market and channel or polled type. */
export function buildClaims(wanted: Wanted, polled: readonly PolledType[]): Claim[] {
  return claimsFor([...unitsOf(wanted, polled).values()]);
}

/**
 * The symbols that belong to this run: those of its start, and later listings that no other run into the same store
 * captures already.
 */
export class ClaimedSymbols {
  readonly #claim: Claimer;
  readonly #polled: readonly PolledType[];
  readonly #warn: (message: string) => void;
  readonly #own = new Set<string>();
  readonly #foreign = new Set<string>();

  constructor(claim: Claimer, polled: readonly PolledType[], warn: (message: string) => void) {
    this.#claim = claim;
    this.#polled = polled;
    this.#warn = warn;
  }

  /** Adds the symbols that were claimed at the start of the run. */
  begin(wanted: Wanted): void {
    for (const key of unitsOf(wanted, this.#polled).keys()) this.#own.add(key);
  }

  /** Claims the new symbols of `wanted`; returns it without the symbols of other runs. */
  async claimNew({ wanted, symbols }: Wanted): Promise<Wanted> {
    const fresh = [...unitsOf({ wanted, symbols }, this.#polled)].filter(([key]) => !this.#own.has(key));
    const taken = new Set(fresh.length === 0 || (await this.#claims(fresh)) ? [] : await this.#claimedByOthers(fresh));
    for (const [key] of fresh) if (!taken.has(key)) this.#own.add(key);
    if (taken.size === 0) return { wanted, symbols };
    const isOwn = (exchange: string, market: string, symbol: string) => !taken.has(seriesKey({ exchange, market, symbol }));
    return {
      wanted: new Map([...wanted].map(([id, all]) => [id, all.filter(({ market, symbol }) => isOwn(id, market, symbol))])),
      symbols: new Map(
        [...symbols].map(([id, markets]) => [
          id,
          new Map([...markets].map(([market, all]) => [market, all.filter((symbol) => isOwn(id, market, symbol))])),
        ]),
      ),
    };
  }

  async #claimedByOthers(fresh: readonly [string, Unit][]): Promise<string[]> {
    const taken: string[] = [];
    for (const [key, unit] of fresh) if (!(await this.#claims([[key, unit]]))) taken.push(key);
    return taken;
  }

  /** Claims all of the symbols or none. */
  async #claims(units: readonly [string, Unit][]): Promise<boolean> {
    try {
      await this.#claim(claimsFor(units.map(([, unit]) => unit)));
      return true;
    } catch (error) {
      if (!(error instanceof ClaimedError)) throw error;
      const [only, ...others] = units;
      if (only && others.length === 0 && !this.#foreign.has(only[0])) {
        this.#foreign.add(only[0]);
        this.#warn(`skipping a new listing that another run captures: ${error.message}`);
      }
      return false;
    }
  }
}

function unitsOf({ wanted, symbols }: Wanted, polled: readonly PolledType[]): Map<string, Unit> {
  const units = new Map<string, Unit>();
  const add = (exchange: string, { market, symbol, channel }: Pick<Subscription, 'market' | 'symbol'> & { channel: string }) => {
    const key = seriesKey({ exchange, market, symbol });
    const unit = units.get(key) ?? { exchange, market, symbol, channels: new Set() };
    unit.channels.add(channel);
    units.set(key, unit);
  };
  for (const [exchange, subscriptions] of wanted) for (const subscription of subscriptions) add(exchange, subscription);
  for (const [exchange, markets] of symbols)
    for (const [market, all] of markets)
      for (const symbol of all) for (const channel of polled) add(exchange, { market, symbol, channel });
  return units;
}

function claimsFor(units: readonly Unit[]): Claim[] {
  const claims = new Map<string, { exchange: string; market: string; channel: string; symbols: string[] }>();
  for (const { exchange, market, symbol, channels } of units) {
    for (const channel of channels) {
      const key = `${exchange} ${market} ${channel}`;
      const claim = claims.get(key) ?? { exchange, market, channel, symbols: [] };
      claims.set(key, claim);
      claim.symbols.push(symbol);
    }
  }
  return [...claims.values()];
}
