import type { PrivateFill, PrivateOrder, PrivatePosition } from '../exchanges/private-side.js';
import type { PositionSide, Side } from '../model/records.js';
import type { RunConfig } from './state.js';

type Sided = Pick<RunConfig, 'side' | 'positionMode'>;

/** The mode that a run was planned for; a run of an earlier version says none and is one-way. */
export function positionModeOf({ positionMode = 'one_way' }: Pick<RunConfig, 'positionMode'>): 'one_way' | 'hedge' {
  return positionMode;
}

/** Returns the mode as people write it. */
export function modeName(config: Pick<RunConfig, 'positionMode'>): string {
  return positionModeOf(config).replace('_', '-');
}

/** The position that every order of a run names in hedge mode; undefined in one-way mode, where a symbol has one. */
export function separateSide(config: Sided): PositionSide | undefined {
  return positionModeOf(config) === 'hedge' ? config.side : undefined;
}

export function openingSide({ side }: Pick<RunConfig, 'side'>): Side {
  return side === 'long' ? 'buy' : 'sell';
}

export function closingSide({ side }: Pick<RunConfig, 'side'>): Side {
  return side === 'long' ? 'sell' : 'buy';
}

/**
 * Returns the position that may be the run's. In hedge mode a symbol has two: taken for the run's, the other one would be closed,
 * or would hide that nothing is held.
 */
export function ownPosition(positions: readonly PrivatePosition[], config: Sided & Pick<RunConfig, 'symbol'>) {
  const rows = positions.filter(({ symbol }) => symbol === config.symbol);
  const side = separateSide(config);
  if (side === undefined) return rows.find(({ amount }) => Number(amount) !== 0) ?? rows[0];
  return rows.find(({ positionMode, positionSide }) => positionMode === 'hedge' && positionSide === side);
}

/** Returns the position of the other side in hedge mode, undefined while nothing is held there. */
export function otherPosition(positions: readonly PrivatePosition[], config: Sided & Pick<RunConfig, 'symbol'>) {
  const side = separateSide(config);
  return positions.find(
    ({ symbol, positionMode, positionSide, amount }) =>
      symbol === config.symbol && positionMode === 'hedge' && side !== undefined && positionSide !== side && Number(amount) !== 0,
  );
}

/** Whether an order or a fill can belong to the position of the run: on the other side of hedge mode it cannot. */
export function isOfSide({ positionSide }: Pick<PrivateOrder | PrivateFill, 'positionSide'>, config: Sided): boolean {
  return positionSide === undefined || separateSide(config) === undefined || positionSide === config.side;
}

/** Whether an order closes what the run holds, or may when it is triggered. In hedge mode its sides say so and not its flag. */
export function closesOwn(order: PrivateOrder, config: Sided): boolean {
  if (order.isTrigger || order.reduceOnly) return isOfSide(order, config);
  return order.positionSide !== undefined && order.positionSide === separateSide(config) && order.side === closingSide(config);
}
