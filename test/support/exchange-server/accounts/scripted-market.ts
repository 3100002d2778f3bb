import { seeded } from '../../random.js';
import type { ExchangeServer } from '../index.js';
import { unitsOf } from '../market/decimals.js';
import { fundingRate, openInterest } from '../market/reference.js';
import type { SymbolMarket } from '../market/symbol-market.js';

type PathCandle = { readonly open: string; readonly high: string; readonly low: string; readonly close: string };

/** A market that goes where a test wants: public trades, quotes, mark and index follow, and so do the accounts' orders. */
export class ScriptedMarket {
  readonly #server: ExchangeServer;

  constructor(server: ExchangeServer) {
    this.#server = server;
  }

  /** The market stands at a price from now on: mark and index are there, the book stands around it, one lot trades. */
  setPrice(name: string, price: string): void {
    this.#move(this.#pin(name, price), price);
  }

  /** Trades at each price of a random walk, `steps` ticks of at most `most` each; market time passes between them. */
  walk(name: string, { steps, most, every = 0, seed = 1 }: { steps: number; most: number; every?: number; seed?: number }): void {
    const random = seeded(seed);
    const symbol = this.#server.market.get('linear', name);
    const { tick, priceDecimals } = symbol.listing;
    let units = symbol.quote(this.#server.now()).mark;
    for (let step = 0; step < steps; step++) {
      units = Math.max(tick * 200, Math.round(units / tick + (random() * 2 - 1) * most) * tick);
      this.setPrice(name, (units / 10 ** priceDecimals).toFixed(priceDecimals));
      if (every > 0) this.#server.advance(every);
    }
  }

  /** Takes a candle's prices in the order open, low, high, close when it rises, else open, high, low, close. */
  candle(name: string, { open, high, low, close }: PathCandle, every = 0): void {
    const [first, second] = Number(close) >= Number(open) ? [low, high] : [high, low];
    for (const price of [open, first, second, close]) {
      this.setPrice(name, price);
      if (every > 0) this.#server.advance(every);
    }
  }

  /** Mark and index stand still at a price; nothing trades. */
  setMark(name: string, price: string): void {
    this.#pin(name, price);
  }

  #pin(name: string, price: string): SymbolMarket {
    const symbol = this.#server.market.get('linear', name);
    const plain = { ...symbol.listing, recorded: undefined };
    const units = unitsOf(price, plain.priceDecimals);
    symbol.listing = {
      ...plain,
      recorded: {
        mark: () => units,
        index: () => units,
        openInterest: (at) => openInterest(plain, at),
        rate: (at) => fundingRate(plain, at),
      },
    };
    return symbol;
  }

  #move({ listing }: SymbolMarket, price: string): void {
    this.#server.trade('linear', listing.symbol, { price: unitsOf(price, listing.priceDecimals) });
    this.#server.requote('linear', listing.symbol);
  }
}
