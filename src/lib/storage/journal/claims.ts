import type { Claim } from '../log/store-state.js';

/** What one run captures, between the run, which learns of new symbols, and the writer, which holds the claims. */
export class Claims {
  /** What is claimed when the writer begins. */
  initial: readonly Claim[] = [];
  #claim: ((claims: readonly Claim[]) => Promise<void>) | undefined;

  /** Names the writer: `claim` resolves when it holds more, and throws a `ClaimedError` when another one does. */
  heldBy(claim: (claims: readonly Claim[]) => Promise<void>): void {
    this.#claim = claim;
  }

  /** Claims more. Throws a `ClaimedError` when another living writer captures some of it; where nothing is stored, never. */
  async add(claims: readonly Claim[]): Promise<void> {
    await this.#claim?.(claims);
  }
}
