import type { AccountFamily, AccountSettings, KeyInfo } from '../exchanges/private-side.js';
import { UnreachableError } from '../model/errors.js';
import { type AccountClient, AccountError } from './client.js';
import type { AccountFacts } from './snapshot.js';

/** A host whose clock is off by more, ms, stamps its records with wrong times. */
const LARGEST_OFFSET = 30_000;
/** An offset that is worth a warning, ms. */
const NOTED_OFFSET = 1_000;

/** What `keys test` finds. */
export type KeyReport = {
  readonly family: AccountFamily;
  readonly info?: KeyInfo | undefined;
  readonly settings?: AccountSettings | undefined;
  /** Milliseconds by which the exchange's clock is ahead. */
  readonly offset: number;
  /** Sentences for the user. */
  readonly warnings: readonly string[];
};

/**
 * Measures the clock and finds the family and the margin mode of an account. Throws an `UnreachableError` when the host's clock
 * is off by more than 30 s: requests can be signed by the exchange's time, but arrival times of records would be wrong.
 */
export async function openAccount(client: AccountClient, warn: (text: string) => void): Promise<AccountFacts> {
  await checkClock(client, warn);
  const family = await client.family();
  const page = await client.read(family.settings);
  const mode = page.items[0]?.marginMode;
  return { family, marginMode: mode === 'isolated' || mode === 'cross' ? mode : undefined };
}

async function checkClock(client: AccountClient, warn: (text: string) => void): Promise<void> {
  const { exchange } = client.account;
  const offset = await client.synchronise();
  const words = `the clock of this host is ${Math.abs(offset / 1_000).toFixed(1)} s ${offset > 0 ? 'behind' : 'ahead of'} ${exchange.id}`;
  if (Math.abs(offset) > LARGEST_OFFSET)
    throw new UnreachableError(`${words}; set it, for example with timedatectl set-ntp true`);
  if (Math.abs(offset) > NOTED_OFFSET) warn(`${words}; requests are signed by the exchange's time`);
}

const WEEK = 7 * 24 * 3_600_000;

/** Tests a key: clock, family, permissions, addresses, expiry, modes. Throws an `AccountError` when it cannot be used. */
export async function inspectKey(client: AccountClient): Promise<KeyReport> {
  const warnings: string[] = [];
  await checkClock(client, (text) => warnings.push(text));
  const family = await client.family();
  const info = await optional(() => client.read(family.keyInfo), client, warnings, 'permissions');
  const settings = await optional(() => client.read(family.settings), client, warnings, 'modes');
  if (info) warnings.push(...concerns(info, client.now()));
  return { family, info, settings, offset: client.offset, warnings };
}

/** Some endpoints are missing on the demo side: what they would say is then unknown, and said to be. */
async function optional<Item>(
  read: () => Promise<{ items: readonly Item[] }>,
  { account }: AccountClient,
  warnings: string[],
  what: string,
): Promise<Item | undefined> {
  try {
    const { items } = await read();
    return items[0];
  } catch (error) {
    const isRefusal = error instanceof AccountError && error.outcome.class !== 'ban' && error.outcome.class !== 'clock';
    const isDemo = account.mode === 'demo' && isRefusal && error.outcome.class !== 'key';
    if (!isDemo) throw error;
    warnings.push(`the demo side does not show ${what} (${error.outcome.message})`);
    return undefined;
  }
}

function concerns(info: KeyInfo, now: number): string[] {
  const texts = [...info.notes];
  if (info.canTransfer) texts.push('the key may transfer money between wallets: it does not need to');
  if (info.addresses.length === 0) texts.push('the key is not bound to an IP address: anyone who has it can use it');
  if (!info.canRead) texts.push('the key may not read orders and positions');
  const left = info.expires === undefined ? undefined : info.expires / 1_000 - now;
  if (left !== undefined && left < WEEK)
    texts.push(left <= 0 ? 'the key has expired' : `the key expires in ${(left / 86_400_000).toFixed(1)} days`);
  return texts;
}
