import type { PrivateOrder, PrivatePosition } from '../../../lib/exchanges/private-side.js';
import { parseClientId, roleKey } from '../../../lib/execution/client-id.js';
import type { SymbolView } from '../../../lib/execution/differences.js';
import { LimitError } from '../../../lib/model/errors.js';
import { readRun } from '../run/runs.js';
import { type AskContext, openTarget, readSymbol, type Target, targetOfFlags, targetOfRun, withHttp } from '../run/target.js';
import type { StatusFlags } from './flags.js';

/** What the exchange says of a symbol. */
type Recovered = { readonly target: Target; readonly view: SymbolView; readonly damage?: string | undefined };

/** Reads what the exchange says of a run, or of a symbol that flags name where the journal of the run is lost or damaged. */
export async function recover(name: string | undefined, flags: StatusFlags, context: AskContext): Promise<Recovered> {
  const isNamed = name !== undefined && flags.exchange === undefined;
  const run = isNamed ? await knownRun(flags.store, name) : undefined;
  const damage = name !== undefined && !isNamed ? await damageOf(flags.store, name) : undefined;
  return withHttp(context, async (connected) => {
    const target = run ? targetOfRun(run.config, flags) : await targetOfFlags(flags, '--recover', connected);
    const view = await readSymbol(await openTarget(target, flags, connected), target.scope);
    return { target, view, damage };
  });
}

async function knownRun(store: string, name: string) {
  try {
    return await readRun(store, name);
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    throw new LimitError(`${error.message}; add --exchange and --symbols to --recover`);
  }
}

async function damageOf(store: string, name: string): Promise<string | undefined> {
  try {
    await readRun(store, name);
    return undefined;
  } catch (error) {
    return error instanceof LimitError ? error.message : undefined;
  }
}

type Row = Readonly<Record<string, string | number | boolean | undefined>>;

function orderRow({
  orderId,
  clientId,
  side,
  positionSide,
  kind,
  price,
  amount,
  filled,
  reduceOnly,
  isTrigger,
}: PrivateOrder): Row {
  const { run, cycle, role, number } = parseClientId(clientId) ?? {};
  const what = role === undefined ? undefined : roleKey({ role, number: number ?? 0 });
  const flags = { reduce_only: reduceOnly, trigger: isTrigger, client_id: clientId, order_id: orderId };
  return { run, cycle, role: what, side, position_side: positionSide, kind, price, amount, filled, ...flags };
}

function positionRow({ positionSide, amount, average, mark, leverage, marginMode, liquidation }: PrivatePosition): Row {
  return { position_side: positionSide, amount, average, mark, leverage, margin_mode: marginMode, liquidation };
}

/** Returns it as data: a row per order and position. */
export function recoveredData({ target, view }: Recovered): Row[] {
  const { exchange, mode, account, scope } = target;
  const base = { exchange: exchange.id, mode, account, symbol: scope.symbol };
  return [
    ...view.orders.map((order) => ({ type: 'order', ...base, ...orderRow(order) })),
    ...view.positions.map((position) => ({ type: 'position', ...base, ...positionRow(position) })),
  ];
}

/** Returns it as lines for people: orders by run, each with what its id says of it. */
export function recoveredLines({ target, view }: Recovered): string[] {
  const { exchange, mode, account, scope } = target;
  const rows = view.orders.map(orderRow);
  const runs = [...new Set(rows.map(({ run }) => run))].sort((a, b) => String(a ?? '~').localeCompare(String(b ?? '~')));
  const orders = runs.flatMap((run) => [
    run === undefined ? '  orders that no run has made' : `  orders of a run with the id ${run}`,
    ...rows.filter((row) => row.run === run).map(orderLine),
  ]);
  const positions = view.positions.map(
    ({ positionSide = '', amount, average, mark, liquidation }) =>
      `  position ${positionSide} ${amount} at ${average ?? '?'}, mark ${mark ?? '?'}, liquidation ${liquidation ?? 'none'}`,
  );
  return [
    `${mode.toUpperCase()}  ${exchange.id} ${scope.symbol}, account ${account}`,
    ...(orders.length === 0 ? ['  no order rests'] : orders),
    ...(positions.length === 0 ? ['  no position is open'] : positions),
  ];
}

function orderLine({ cycle, role, side, position_side, kind, price, amount, filled, trigger, client_id, order_id }: Row): string {
  const what = role === undefined ? (trigger ? 'trigger order' : 'order') : `cycle ${cycle} ${role}`;
  const sides = position_side === undefined ? side : `${side} (${position_side})`;
  return `    ${what.padEnd(24)}${sides} ${amount} ${price === undefined ? kind : `at ${price}`}, filled ${filled}  ${client_id ?? order_id}`;
}
