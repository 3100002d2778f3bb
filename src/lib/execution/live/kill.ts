import { type AccountClient, AccountError } from '../../account/client.js';
import type { AccountFamily, Outcome, PrivateOrder, PrivatePosition, PrivateScope } from '../../exchanges/private-side.js';
import type { HttpRequest } from '../../exchanges/requests.js';
import type { PositionSide } from '../../model/records.js';
import { Exact, roundDown } from '../../model/ticks.js';
import type { Timing } from '../../transport/timing.js';
import { step } from '../step.js';
import type { RunStore } from '../store/run-store.js';

type KillOptions = {
  readonly client: AccountClient;
  readonly family: AccountFamily;
  readonly scope: PrivateScope;
  /** The side to close; both without it. In hedge mode the other one is left alone, and none of what remains. */
  readonly side?: PositionSide | undefined;
  /** Milliseconds after which it gives up. */
  readonly within: number;
  readonly timing: Timing;
  readonly note: (text: string) => void;
};

/** What the last read showed. `isKnown` is false where no read was answered: then nothing is known of the symbol. */
export type KillResult = {
  readonly isKnown: boolean;
  readonly orders: readonly PrivateOrder[];
  readonly positions: readonly PrivatePosition[];
};

const PAUSE = 500;
/** A write that was under way elsewhere arrives within this: a second read must show nothing too. */
const BETWEEN_READS = 2_000;

/**
 * Cancels every order of a symbol, also those of others, and closes the position by market, until two reads in a row show
 * nothing. It asks no journal. A close only reduces, so that one too many does nothing. Throws an `AccountError` where the
 * key cannot be used.
 */
export async function killSymbol(options: KillOptions): Promise<KillResult> {
  const { timing, within } = options;
  const kill = new Kill(options);
  const until = timing.now() + within;
  let result = await kill.look();
  for (let clean = 0; ; ) {
    clean = isNothing(result) ? clean + 1 : 0;
    if (clean > 1 || timing.now() >= until) return result;
    if (clean === 0) await kill.strike(result);
    await timing.sleep(clean === 0 ? PAUSE : BETWEEN_READS);
    result = await kill.look();
  }
}

function isNothing({ isKnown, orders, positions }: KillResult): boolean {
  return isKnown && orders.length === 0 && positions.length === 0;
}

class Kill {
  readonly #options: KillOptions;
  /** What of a position one order may close; the exchange may take less than is held. */
  #share = new Exact(1);
  #closes = 0;

  constructor(options: KillOptions) {
    this.#options = options;
  }

  async look(): Promise<KillResult> {
    const { client, family, scope, side, note } = this.#options;
    const isOther = ({ positionMode, positionSide }: PrivatePosition) =>
      positionMode === 'hedge' && side !== undefined && positionSide !== side;
    try {
      const [orders, positions] = await Promise.all([
        client.read(family.openOrders(scope)),
        client.read(family.positions(scope)),
      ]);
      return {
        isKnown: orders.rejected.length === 0 && positions.rejected.length === 0,
        orders: orders.items.filter(({ symbol }) => symbol === scope.symbol),
        positions: positions.items.filter((one) => one.symbol === scope.symbol && Number(one.amount) !== 0 && !isOther(one)),
      };
    } catch (error) {
      if (isFinal(error)) throw error;
      note((error as Error).message);
      return { isKnown: false, orders: [], positions: [] };
    }
  }

  /** Cancels first: a level that fills after the close would open the position again. */
  async strike({ positions }: KillResult): Promise<void> {
    const { family, scope, side, client } = this.#options;
    const { writes } = family;
    await this.#send(writes.cancelAll(scope));
    for (const position of positions) {
      if (side !== undefined && position.positionSide !== side) continue;
      const amount = this.#part(position.amount);
      if (amount.isZero()) continue;
      this.#closes += 1;
      const outcome = await this.#send(
        writes.place({
          ...scope,
          clientId: `kill-${Math.floor(client.now()).toString(36)}-${this.#closes}`,
          side: position.positionSide === 'short' ? 'buy' : 'sell',
          positionSide: position.positionMode === 'hedge' ? position.positionSide : undefined,
          kind: 'market',
          amount: amount.toString(),
          reduces: true,
          marginMode: position.marginMode ?? 'isolated',
        }),
      );
      // A position may be larger than one market order may be.
      const isTooLarge = outcome.class === 'definite' && (outcome.cause === 'amount' || outcome.cause === 'request');
      this.#share = isTooLarge ? this.#share.div(2) : this.#share;
    }
  }

  /** Returns a share of an amount with as many decimals as it has: that is a step which the exchange trades. */
  #part(amount: string): Exact {
    const decimals = amount.split('.')[1]?.length ?? 0;
    return this.#share.eq(1) ? new Exact(amount) : roundDown(this.#share.times(amount), new Exact(10).pow(-decimals));
  }

  async #send(request: HttpRequest): Promise<Outcome> {
    const { client, note } = this.#options;
    const { outcome } = await client.send(request, client.now());
    if (outcome.class === 'clock') await client.synchronise().catch((error) => note((error as Error).message));
    const error = new AccountError(client.account, outcome);
    if (isFinal(error)) throw error;
    if (outcome.class !== 'success' && outcome.class !== 'gone') note(error.message);
    return outcome;
  }
}

function isFinal(error: unknown): boolean {
  if (!(error instanceof AccountError)) return !(error instanceof Error) || error instanceof TypeError;
  return error.outcome.class === 'key' || error.outcome.class === 'region';
}

/** Halts a run whose symbol was killed: what its journal knows is over, and only its owner lets it go on. */
export function markKilled(store: RunStore, now: number): void {
  const { state, config } = store;
  if (state === undefined) return;
  const { commit } = step(state, config, { kind: 'killed', at: now, time: now });
  if (commit) store.commit(commit);
}
