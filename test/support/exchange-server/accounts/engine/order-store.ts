import type { Account, Order } from './model.js';
import { isOpen } from './model.js';

/** Every order that ever was, as a list of versions, so that a read can be as old as a test wants. */
export class OrderStore {
  readonly #versions = new Map<string, Order[]>();
  readonly #open = new Map<string, Order>();

  /** Adds an order or its next version. */
  put(order: Order): void {
    const versions = this.#versions.get(order.id);
    if (versions) versions.push(order);
    else this.#versions.set(order.id, [order]);
    if (isOpen(order)) this.#open.set(order.id, order);
    else this.#open.delete(order.id);
  }

  get(id: string): Order | undefined {
    return this.#versions.get(id)?.at(-1);
  }

  /** Returns every order of the exchange as it is now, oldest first. */
  all(): Order[] {
    return [...this.#versions.values()].map((versions) => versions.at(-1) as Order);
  }

  versions(id: string): readonly Order[] {
    return this.#versions.get(id) ?? [];
  }

  /** Returns the open orders of all accounts, oldest first. */
  open(): Order[] {
    return [...this.#open.values()].sort((a, b) => a.sequence - b.sequence);
  }

  openOf(account: Account, symbol?: string): Order[] {
    return this.open().filter((order) => order.account === account && (symbol ?? order.symbol.key) === order.symbol.key);
  }

  /** Returns an account's orders as they were at `time`, newest first; those that came later are not known. */
  ofAt(account: Account, time: number): Order[] {
    const found: Order[] = [];
    for (const versions of this.#versions.values()) {
      if (versions[0]?.account !== account) continue;
      const order = versionAt(versions, time);
      if (order) found.push(order);
    }
    return found.reverse();
  }
}

function versionAt(versions: readonly Order[], time: number): Order | undefined {
  for (let at = versions.length - 1; at >= 0; at--) {
    if ((versions[at] as Order).updated <= time) return versions[at];
  }
  return undefined;
}
