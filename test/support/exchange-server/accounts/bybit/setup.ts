import { type ApiCall, ApiRefusal } from '../dialect.js';
import { decimalOf } from '../engine/decimals.js';
import { Refusal } from '../engine/model.js';
import { bad, fieldsOf, linearSymbol, textField } from './calls.js';

/** Both sides must be equal in one-way mode and in cross margin. */
export function setLeverage(call: ApiCall): unknown {
  const fields = fieldsOf(call.body);
  const symbol = linearSymbol(call, fields);
  const [long, short] = [decimalOf(fields.buyLeverage), decimalOf(fields.sellLeverage)];
  if (!long || !short || long.lt(1) || short.lt(1)) throw bad('params error: leverage invalid');
  const { engine, account } = call;
  const { ledger } = engine;
  const isHedge = ledger.holdModeOf(account, symbol) === 'hedge';
  if (!long.eq(short) && !(isHedge && account.marginMode === 'isolated')) throw bad('buy leverage invalid');
  if (!engine.setLeverage(account, symbol, { long, short }, call.isDry)) throw new Refusal('unchanged', 'the same leverage');
  return {};
}

/** Symbols of a coin without orders and positions, or one symbol. */
export function switchMode(call: ApiCall): unknown {
  const fields = fieldsOf(call.body);
  const { engine, account } = call;
  const { mode } = fields;
  if (mode !== 0 && mode !== 3) throw bad('params error: mode invalid');
  if (!textField(fields, 'symbol')) call.desk.violate('wide-scope', `${call.path} without symbol`);
  const symbol = linearSymbol(call, fields);
  const holdMode = mode === 3 ? 'hedge' : 'one-way';
  const settings = engine.ledger.settings(account, symbol);
  if (engine.ledger.holdModeOf(account, symbol) === holdMode) throw new ApiRefusal('110025', 'Position mode is not modified');
  if (engine.ledger.openOf(account).some((position) => position.symbol === symbol))
    throw new Refusal('has-position', 'a position is open');
  if (engine.orders.openOf(account, symbol.key).length > 0) throw new Refusal('has-orders', 'orders are open');
  if (!call.isDry) settings.holdMode = holdMode;
  return {};
}

export function setMarginMode(call: ApiCall): unknown {
  const { setMarginMode: mode } = fieldsOf(call.body);
  if (mode !== 'ISOLATED_MARGIN' && mode !== 'REGULAR_MARGIN') throw bad('params error: setMarginMode invalid');
  const { engine, account } = call;
  if (engine.ledger.openOf(account).length + engine.orders.openOf(account).length > 0)
    throw new ApiRefusal('3400045', 'Set margin mode failed');
  if (!call.isDry) account.marginMode = mode === 'ISOLATED_MARGIN' ? 'isolated' : 'cross';
  return { reasons: [] };
}

/** Stop and target of a whole position, held by the exchange; "0" takes one away. */
export function tradingStop(call: ApiCall): unknown {
  const fields = fieldsOf(call.body);
  const symbol = linearSymbol(call, fields);
  const slot = (['net', 'long', 'short'] as const)[Number(fields.positionIdx ?? 0)];
  if (!slot) throw bad('position idx not match position mode');
  const position = call.engine.ledger.position(call.account, symbol, slot);
  if (!position || position.amount.isZero()) throw new ApiRefusal('10001', 'can not set tp/sl/ts for zero position');
  const read = (name: 'stopLoss' | 'takeProfit') => {
    const value = fields[name];
    if (value === undefined || value === '') return position[name];
    const price = decimalOf(value);
    if (!price) throw bad(`params error: ${name} invalid`);
    return price;
  };
  const [stopLoss, takeProfit] = [read('stopLoss'), read('takeProfit')];
  if (stopLoss.eq(position.stopLoss) && takeProfit.eq(position.takeProfit)) throw new ApiRefusal('34040', 'not modified');
  const mark = call.engine.ledger.mark(symbol);
  const isWrong = position.side === 'long' ? stopLoss.gte(mark) : stopLoss.gt(0) && stopLoss.lte(mark);
  if (isWrong)
    throw bad(
      `StopLoss:${stopLoss} set for ${position.side === 'long' ? 'Buy' : 'Sell'} position should be beyond the mark price`,
    );
  if (!call.isDry) {
    const next = call.engine.ledger.put({ ...position, takeProfit });
    if (!stopLoss.eq(position.stopLoss)) call.engine.setStop(next, stopLoss);
    else call.engine.onEvent({ kind: 'position', position: next, isByOrder: true });
  }
  return {};
}

/** Demo only: play money, once a minute. */
export function applyMoney(call: ApiCall): unknown {
  if (call.key.environment !== 'demo') throw bad('params error: demo accounts only');
  const wanted = fieldsOf(call.body).utaDemoApplyMoney;
  if (!Array.isArray(wanted)) throw bad('params error: utaDemoApplyMoney invalid');
  for (const { coin, amountStr } of wanted as { coin: string; amountStr: string }[])
    if (!call.isDry) call.desk.deposit(call.account, coin, amountStr);
  return {};
}
