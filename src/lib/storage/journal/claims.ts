import type { Claim } from '../log/store-state.js';

/** The claims of one run. The run adds new symbols here; the writer, which holds the claims, attaches itself. */
export class Claims {
  /** The claims with which the writer starts. */
  initial: readonly Claim[] = [];
  #claim: ((claims: readonly Claim[]) => Promise<void>) | undefined;

  /** Attaches the writer. `claim` resolves when the writer holds the claims, and throws a `ClaimedError`. */
  heldBy(claim: (claims: readonly Claim[]) => Promise<void>): void {
    this.#claim = claim;
  }

  /** Adds claims. Throws a `ClaimedError` when another running writer holds one of them. Does nothing without a store. */
  async add(claims: readonly Claim[]): Promise<void> {
    await this.#claim?.(claims);
  }
}
