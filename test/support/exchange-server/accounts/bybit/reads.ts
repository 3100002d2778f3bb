import { type ApiCall, ApiRefusal } from '../dialect.js';
import { shortText, textOf } from '../engine/decimals.js';
import { flatPosition } from '../engine/ledger.js';
import { isOpen, type Order, type Position, type Slot } from '../engine/model.js';
import { bad, categoryOf, pageOf, spanOf } from './calls.js';
import { fillRow, orderRow, positionRow, stopRow, walletRow } from './rows.js';

const DAY = 86_400_000;

/** Open orders, or with `openOnly=1` the last 500 closed ones; an id finds both. */
export function realtime(call: ApiCall): unknown {
  const { query, engine, account, now } = call;
  const category = categoryOf(query.get('category'));
  const isById = query.get('orderId') || query.get('orderLinkId');
  if (category === 'linear' && !isById && !query.get('symbol') && !query.get('baseCoin') && !query.get('settleCoin'))
    throw bad('Missing some parameters that must be filled in, symbol or settleCoin or baseCoin');
  const { lags, forgotten } = engine.faults;
  const known = engine.orders.ofAt(account, now - (isById ? lags.detail : lags.open));
  const found = category === 'linear' ? known.filter((order) => isAsked(call, order)) : [];
  const recent = found.filter((order) => !isOpen(order) && order.updated > forgotten).slice(0, 500);
  const open = found.filter(isOpen);
  const rows = isById ? [...open, ...recent] : query.get('openOnly') === '1' ? recent : open;
  if (query.get('orderFilter') === 'StopOrder') return { category, ...pageOf(call, stopRows(call), 20, 50) };
  const sorted = isById ? rows.sort((a, b) => b.sequence - a.sequence) : rows;
  const stops = isById || query.get('openOnly') === '1' || category !== 'linear' ? [] : stopRows(call);
  return { category, ...pageOf(call, [...stops, ...sorted.map(orderRow)], 20, 50) };
}

/** Stops of whole positions rest as untriggered orders that close. */
function stopRows({ query, engine, account, now }: ApiCall): Record<string, unknown>[] {
  const symbol = query.get('symbol');
  return engine.ledger
    .positionsAt(account, now - engine.faults.lags.open)
    .filter((one) => one.stopLoss.gt(0) && (symbol ?? one.symbol.listing.symbol) === one.symbol.listing.symbol)
    .map(stopRow);
}

function isAsked({ query }: ApiCall, { id, clientId, symbol: { listing } }: Order): boolean {
  const is = (name: string, value: string): boolean => !query.get(name) || query.get(name) === value;
  if (query.get('orderId')) return is('orderId', id);
  if (query.get('orderLinkId')) return is('orderLinkId', clientId);
  return is('symbol', listing.symbol) && is('baseCoin', listing.base) && is('settleCoin', listing.settle);
}

/** Closed orders of two years; those that never filled for a day only. */
export function history(call: ApiCall): unknown {
  const { query, engine, account, now } = call;
  const category = categoryOf(query.get('category'));
  const { from, until } = spanOf(call, 7);
  const rows = engine.orders.ofAt(account, now - engine.faults.lags.history).filter((order) => {
    if (isOpen(order) || !isAsked(call, order) || order.created < from || order.created > until) return false;
    return order.filled.gt(0) || order.updated > now - DAY;
  });
  const status = query.get('orderStatus');
  const wanted = (category === 'linear' ? rows : []).map(orderRow).filter((row) => !status || row.orderStatus === status);
  return { category, ...pageOf(call, wanted, 20, 50) };
}

/** Executions, newest first, funding among them. */
export function executions(call: ApiCall): unknown {
  const { query, engine, account, now } = call;
  const category = categoryOf(query.get('category'));
  const { from, until } = spanOf(call, 7);
  const known = now - engine.faults.lags.fills;
  const rows = engine.fills
    .filter((fill) => fill.account === account && fill.time <= known && fill.time >= from && fill.time <= until)
    .map((fill) => fillRow(fill, engine))
    .filter((row) =>
      ['symbol', 'orderId', 'orderLinkId', 'execType'].every((name) => !query.get(name) || query.get(name) === row[name]),
    );
  return { category, ...pageOf(call, category === 'linear' ? rows.reverse() : [], 50, 100) };
}

/** With a symbol also its flat rows; with a settle coin open positions only. */
export function positions(call: ApiCall): unknown {
  const { query, engine, account, now } = call;
  const category = categoryOf(query.get('category'));
  const [symbol, settle] = [query.get('symbol'), query.get('settleCoin')];
  if (category === 'linear' && !symbol && !settle)
    throw bad('Missing some parameters that must be filled in, symbol or settleCoin');
  if (category !== 'linear') return { category, ...pageOf(call, [], 20, 200) };
  const known = engine.ledger.positionsAt(account, now - engine.faults.lags.positions);
  const rows = symbol
    ? rowsOf(call, symbol, known)
    : known.filter(({ amount, symbol: { listing } }) => amount.gt(0) && listing.settle === settle);
  return {
    category,
    ...pageOf(
      call,
      rows.map((position) => positionRow(engine, account, position)),
      20,
      200,
    ),
  };
}

function rowsOf({ engine, account }: ApiCall, name: string, known: readonly Position[]): Position[] {
  const symbol = engine.market.find('linear', name);
  if (!symbol) throw bad('params error: symbol invalid');
  const { ledger } = engine;
  const slots: readonly Slot[] = ledger.holdModeOf(account, symbol) === 'hedge' ? ['long', 'short'] : ['net'];
  const { longLeverage, shortLeverage } = ledger.settings(account, symbol);
  const marginMode = ledger.marginModeOf(account, symbol);
  return slots.map((slot) => {
    const leverage = slot === 'short' ? shortLeverage : longLeverage;
    const found = known.find((position) => position.symbol === symbol && position.slot === slot);
    if (found) return found.amount.isZero() ? { ...found, leverage } : found;
    return flatPosition({ account, symbol, slot, marginMode, leverage });
  });
}

/** One row per closing execution. */
export function closedPnl(call: ApiCall): unknown {
  const { query, engine, account } = call;
  const category = categoryOf(query.get('category'));
  const { from, until } = spanOf(call, 7);
  const rows = engine.fills
    .filter((fill) => fill.account === account && fill.closed.gt(0) && fill.time >= from && fill.time <= until)
    .filter(({ symbol }) => !query.get('symbol') || query.get('symbol') === symbol.listing.symbol)
    .map((fill) => ({
      ...fillRow(fill, engine),
      qty: textOf(fill.closed),
      cumExitValue: shortText(fill.price.mul(fill.closed)),
      avgExitPrice: shortText(fill.price),
      closedPnl: shortText(fill.realised.minus(fill.fee)),
      createdTime: String(fill.time),
      updatedTime: String(fill.time),
    }));
  return { category, ...pageOf(call, rows.reverse(), 50, 100) };
}

export function wallet(call: ApiCall): unknown {
  const { query, engine, account, now } = call;
  if (query.get('accountType') !== 'UNIFIED') throw bad('accountType only support UNIFIED.');
  const lag = engine.faults.lags.balances;
  const coins = query.get('coin')?.split(',');
  const balances = lag > 0 ? engine.ledger.balancesAt(account, now - lag) : account.balances;
  return { list: [walletRow(engine, account, coins, balances)] };
}

const BILL_TYPE = { trade: 'TRADE', funding: 'SETTLEMENT', deposit: 'TRANSFER_IN' } as const;

export function transactions(call: ApiCall): unknown {
  const { from, until } = spanOf(call, 7);
  const rows = call.account.bills
    .filter(({ time }) => time >= from && time <= until)
    .map((bill) => ({
      id: bill.id,
      symbol: bill.symbol,
      category: bill.symbol ? 'linear' : '',
      side: 'None',
      transactionTime: String(bill.time),
      type: BILL_TYPE[bill.kind],
      currency: bill.coin,
      change: shortText(bill.amount, 18),
      cashFlow: bill.kind === 'funding' ? '0' : shortText(bill.amount, 18),
      funding: bill.kind === 'funding' ? shortText(bill.amount, 18) : '',
      cashBalance: shortText(bill.balance, 18),
    }));
  return pageOf(call, rows.reverse(), 20, 50);
}

export function accountInfo({ account }: ApiCall): unknown {
  return {
    unifiedMarginStatus: account.family === 'unified' ? 5 : 1,
    marginMode: account.marginMode === 'isolated' ? 'ISOLATED_MARGIN' : 'REGULAR_MARGIN',
    dcpStatus: 'OFF',
    timeWindow: 10,
    smpGroup: 0,
    isMasterTrader: false,
    spotHedgingStatus: 'OFF',
    updatedTime: '1764000000000',
  };
}

export function userSettings({ account }: ApiCall): unknown {
  return {
    lpaSpot: !account.refusesOutOfBand,
    lpaPerp: account.refusesOutOfBand,
    deltaEnable: false,
    smsef: false,
    fmsef: false,
  };
}

export function feeRates({ account, query, engine }: ApiCall): unknown {
  const symbol = query.get('symbol');
  const names = symbol
    ? [symbol]
    : engine.market.symbols.filter(({ listing }) => listing.market === 'linear').map(({ listing }) => listing.symbol);
  return {
    list: names.map((name) => ({
      symbol: name,
      baseCoin: '',
      takerFeeRate: textOf(account.takerFee),
      makerFeeRate: textOf(account.makerFee),
    })),
  };
}

export function apiKey({ key, account, engine, now }: ApiCall): unknown {
  const canRead = key.trade !== 'none';
  const wallet = [...(key.canTransfer ? ['AccountTransfer', 'SubMemberTransfer'] : []), ...(key.canWithdraw ? ['Withdraw'] : [])];
  const expires = key.expires ?? now + 89 * DAY;
  return {
    id: account.uid,
    note: 'local exchange',
    apiKey: key.key,
    readOnly: key.trade === 'write' || key.manage === 'write' ? 0 : 1,
    secret: '',
    permissions: {
      ContractTrade: canRead ? ['Order', 'Position'] : [],
      Spot: canRead ? ['SpotTrade'] : [],
      Wallet: wallet,
      Options: [],
      Derivatives: canRead ? ['DerivativesTrade'] : [],
      CopyTrading: [],
      BlockTrade: [],
      Exchange: [],
      NFT: [],
      Affiliate: [],
      Earn: [],
    },
    ips: key.ips.length > 0 ? key.ips : engine.faults.questions.unboundIps,
    type: 1,
    deadlineDay: key.ips.length > 0 && key.expires === undefined ? -1 : Math.floor((expires - now) / DAY),
    expiredAt: new Date(expires).toISOString(),
    createdAt: new Date(now - DAY).toISOString(),
    unified: 0,
    uta: account.family === 'unified' ? 1 : 0,
    userID: Number(account.uid),
    inviterID: 0,
    vipLevel: 'No VIP',
    mktMakerLevel: '0',
    affiliateID: 0,
    rsaPublicKey: '',
    isMaster: true,
    parentUid: '0',
    kycLevel: 'LEVEL_DEFAULT',
    kycRegion: '',
  };
}

export function institutionsOnly(): never {
  throw new ApiRefusal('10005', 'Permission denied, please check your API key permissions.');
}
