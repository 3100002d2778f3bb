import { type AccountClient, AccountError } from '../../account/client.js';
import type { AccountFamily, AccountSettings, KeyInfo, PrivatePosition } from '../../exchanges/private-side.js';
import { LimitError, UnreachableError, UsageError } from '../../model/errors.js';
import { Exact } from '../../model/ticks.js';
import { modeName, ownPosition, positionModeOf, separateSide } from '../sides.js';
import type { RunConfig } from '../state.js';

type Checked = {
  readonly userId: string | undefined;
  readonly warnings: readonly string[];
  /** Microseconds. */
  readonly keyExpires: number | undefined;
};

type CheckOptions = {
  readonly client: AccountClient;
  readonly family: AccountFamily;
  readonly config: RunConfig;
  /** Whether other positions and orders may use the balance of a plan with cross margin. */
  readonly sharesMargin: boolean;
  /** Whether the run holds or has something: then nothing is set. */
  readonly isOpen: boolean;
};

/**
 * Checks an account before a run trades on it: rights of the key, position mode, margin mode, leverage. Only leverage is set, and
 * only when nothing rests on the symbol; everything else is the owner's to change. The first that does not fit is thrown.
 */
export async function checkAccount(options: CheckOptions): Promise<Checked> {
  const { client, family, config } = options;
  const warnings: string[] = [];
  const info = await demoless(client, warnings, 'permissions', async () => (await client.read(family.keyInfo)).items[0]);
  if (info) checkKey(info, client, warnings);
  const { market, symbol, settle } = config;
  const settings = await demoless(client, warnings, 'modes', () => readSettings(client, family, config));
  const userId = settings?.userId ?? info?.userId;
  if (config.userId !== undefined && userId !== undefined && userId !== config.userId)
    throw new UnreachableError(
      `the key ${client.account.name} is of account ${userId}, the run ${config.name} is of ${config.userId}`,
    );
  const positions = (await client.read(family.positions({ market, symbol, settle }))).items;
  const own = ownPosition(positions, config) ?? positions.find((position) => position.symbol === symbol);
  checkModes(settings, own, config);
  if (config.marginMode === 'cross' && !options.sharesMargin) await requireAlone(options);
  await checkLeverage(options, settings, positions);
  return { userId, warnings, keyExpires: info?.expires };
}

async function readSettings(
  client: AccountClient,
  family: AccountFamily,
  config: RunConfig,
): Promise<AccountSettings | undefined> {
  const { market, symbol, settle } = config;
  return (await client.read(family.symbolSettings?.({ market, symbol, settle }) ?? family.settings)).items[0];
}

/** The demo side lacks some reads: what they would say is then not known, and said to be. */
async function demoless<Value>(
  { account }: AccountClient,
  warnings: string[],
  what: string,
  read: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    const isMissing = error instanceof AccountError && (error.outcome.class === 'definite' || error.outcome.class === 'unknown');
    if (account.mode !== 'demo' || !isMissing) throw error;
    warnings.push(`the demo side does not show ${what}`);
    return undefined;
  }
}

function checkKey({ canTrade, canWithdraw, addresses }: KeyInfo, client: AccountClient, warnings: string[]): void {
  const { name } = client.account;
  if (canWithdraw)
    throw new LimitError(
      `the key ${name} may withdraw: a run never needs that; make one without the permission, and delete this one`,
    );
  if (!canTrade) throw new UnreachableError(`the key ${name} may not trade: add the permission on the exchange`);
  if (addresses.length === 0) warnings.push(`the key ${name} is not bound to an IP address: anyone who has it can use it`);
}

function checkModes(settings: AccountSettings | undefined, own: PrivatePosition | undefined, config: RunConfig): void {
  const positionMode = own?.positionMode ?? settings?.positionMode;
  if (positionMode !== undefined && positionMode !== positionModeOf(config))
    throw new UsageError(
      `${config.symbol} is in ${modeName({ positionMode })} mode and ${config.name} is planned for ${modeName(config)} mode: change the position mode on the site of the exchange, which mdtool never does, or plan with --position-mode ${modeName({ positionMode })}`,
    );
  const symbol = settings?.symbols?.find((one) => one.symbol === config.symbol);
  const marginMode = own?.marginMode ?? symbol?.marginMode ?? settings?.marginMode;
  if (marginMode !== undefined && marginMode !== config.marginMode)
    throw new UsageError(
      `the margin mode of ${config.symbol} is ${marginMode}, planned is ${config.marginMode}: change it on the site of the exchange, or plan with --margin-mode ${marginMode === 'portfolio' ? 'cross' : marginMode}`,
    );
}

async function requireAlone({ client, family, config }: CheckOptions): Promise<void> {
  const [positions, orders] = await Promise.all([client.read(family.positions()), client.read(family.openOrders())]);
  const side = separateSide(config);
  const isOwn = (one: PrivatePosition) => one.symbol === config.symbol && (side === undefined || one.positionSide === side);
  const position = positions.items.find((one) => !isOwn(one) && Number(one.amount) !== 0);
  const order = orders.items.find(({ symbol }) => symbol !== config.symbol);
  const other = position?.symbol ?? order?.symbol;
  if (other !== undefined)
    throw new LimitError(
      `with cross margin the planned liquidation price holds only for a balance of its own, and ${other} uses it too: use isolated margin, or --accept-shared-margin`,
    );
}

async function checkLeverage(
  { client, family, config, isOpen }: CheckOptions,
  settings: AccountSettings | undefined,
  positions: readonly PrivatePosition[],
): Promise<void> {
  const known = leverageOf(settings, positions, config);
  if (known !== undefined && new Exact(known).eq(config.leverage)) return;
  const { market, symbol, settle, leverage, marginMode } = config;
  const orders = (await client.read(family.openOrders({ market, symbol, settle }))).items;
  const words = `the leverage of ${symbol} is ${known ?? 'not known'}, planned is ${leverage}`;
  if (isOpen) return;
  if (positions.some((position) => position.symbol === symbol && Number(position.amount) !== 0))
    throw new UsageError(`${words}, and a position is open: it is not changed under a position`);
  if (orders.length > 0)
    throw new UsageError(`${words}, and order ${orders[0]?.orderId} rests: it is not changed under an order`);
  const setting = { market, symbol, settle, leverage, marginMode, positionMode: positionModeOf(config) };
  for (const request of family.writes.setLeverage(setting)) {
    const { outcome } = await client.send(request, client.now());
    if (outcome.class !== 'success' && outcome.class !== 'no-change' && outcome.class !== 'unknown')
      throw new AccountError(client.account, outcome);
  }
  await confirmLeverage(client, family, config);
}

/** Returns the leverage that the orders of a run will have, undefined where the account does not say it. */
function leverageOf(
  settings: AccountSettings | undefined,
  positions: readonly PrivatePosition[],
  config: RunConfig,
): string | undefined {
  const one = settings?.symbols?.find(({ symbol }) => symbol === config.symbol);
  const isShort = separateSide(config) === 'short' && config.marginMode === 'isolated';
  return ownPosition(positions, config)?.leverage ?? (isShort ? one?.shortLeverage : one?.leverage);
}

/** An exchange may say success and do nothing: what counts is what it shows. */
async function confirmLeverage(client: AccountClient, family: AccountFamily, config: RunConfig): Promise<void> {
  const { market, symbol, settle, leverage } = config;
  const [positions, settings] = await Promise.all([
    client.read(family.positions({ market, symbol, settle })),
    readSettings(client, family, config),
  ]);
  const one = settings?.symbols?.find((setting) => setting.symbol === symbol);
  const shown = leverageOf(settings, positions.items, config) ?? one?.leverage;
  if (shown === undefined || !new Exact(shown).eq(leverage))
    throw new LimitError(
      `the leverage of ${symbol} was set to ${leverage} and is shown as ${shown ?? 'nothing'}: no order is sent`,
    );
}
