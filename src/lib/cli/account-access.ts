import * as Flags from '@oclif/core/flags';
import { AccountClient, type AccountClientOptions, guardEndpoint } from '../account/client.js';
import type { Exchange } from '../exchanges/exchange.js';
import { EXCHANGES } from '../exchanges/index.js';
import type { PrivateSide, TradingMode } from '../exchanges/private-side.js';
import { UsageError } from '../model/errors.js';
import { DEFAULT_NAME, type KeyEntry, keyName } from '../secrets/key-entry.js';
import { KeyStore } from '../secrets/key-store.js';
import { privateEndpoints } from './endpoints.js';
import { listOf } from './flags.js';
import { askPassphrase } from './prompt.js';
import type { Settings } from './settings.js';

/** Flags of commands that use keys of accounts. */
export const accountFlags = {
  account: Flags.custom<readonly string[]>({
    summary: 'Names of keys.',
    helpValue: 'LIST',
    default: async () => [DEFAULT_NAME],
    defaultHelp: async () => DEFAULT_NAME,
    parse: async (text) => listOf(text).map(keyName),
  })(),
  demo: Flags.boolean({ summary: "Use the exchange's demo side; a stored key knows by itself which one it is for." }),
  'accept-endpoint': Flags.string({
    summary: 'Sign requests for this host too, beside the documented ones (repeatable).',
    helpValue: 'HOST',
    multiple: true,
    multipleNonGreedy: true,
  }),
};

/** One key, and the exchange that it is for. */
export type OwnedKey = { readonly exchange: Exchange; readonly side: PrivateSide; readonly entry: KeyEntry };

/** Returns the store of keys of this user. */
export function openKeyStore(): KeyStore {
  return new KeyStore({ environment: process.env, askPassphrase });
}

/** Returns an exchange's private side. Throws a `UsageError` where it has none. */
export function privateSideOf(exchange: Exchange): PrivateSide {
  if (exchange.privateSide) return exchange.privateSide;
  throw new UsageError(`${exchange.id} has no private side in mdtool`);
}

type KeyQuery = {
  readonly exchange?: readonly Exchange[] | undefined;
  readonly account: readonly string[];
  readonly demo: boolean;
};

/**
 * Returns the keys that flags ask for: of the named exchanges each name, else those that exist. Throws a `UsageError` where one
 * is missing, or is live while `--demo` asks for play money.
 */
export async function findKeys(store: KeyStore, { exchange, account, demo }: KeyQuery): Promise<OwnedKey[]> {
  const candidates = exchange ?? EXCHANGES.filter(({ privateSide }) => privateSide);
  const found: OwnedKey[] = [];
  for (const one of candidates) {
    const side = privateSideOf(one);
    for (const name of account) {
      const entry = await store.find(one.id, name, demo ? 'demo' : 'live');
      if (entry) found.push({ exchange: one, side, entry });
      else if (exchange) throw missing(one, name);
      if (entry) requireUsable(entry, one, demo);
    }
  }
  const [first] = candidates;
  if (found.length === 0 && first) throw missing(first, account[0] ?? DEFAULT_NAME);
  return found;
}

function requireUsable(entry: KeyEntry, exchange: Exchange, demo: boolean): void {
  const id = `${exchange.id}/${entry.name}`;
  if (demo && entry.mode === 'live')
    throw new UsageError(`the key ${id} is a live key; --demo needs one that was added with --demo`);
  if (privateSideOf(exchange).needsPassphrase && !entry.passphrase)
    throw new UsageError(`the key ${id} has no passphrase; ${exchange.name} asks for one with every key`);
}

function missing({ id }: Exchange, name: string): UsageError {
  const variables = name === DEFAULT_NAME ? `, or set MDTOOL_${id.toUpperCase()}_KEY and _SECRET` : '';
  return new UsageError(`no key ${id}/${name}; add it with mdtool keys add ${name} --exchange ${id}${variables}`);
}

/** Returns a client of an account. Throws a `UsageError` where its hosts are not the exchange's. */
export function openClient(
  { exchange, side, entry }: OwnedKey,
  {
    settings,
    accepted,
    ...options
  }: AccountClientOptions & { readonly settings: Settings; readonly accepted: readonly string[] },
): AccountClient {
  const mode: TradingMode = entry.mode;
  const endpoints = privateEndpoints(exchange, side, settings, mode);
  for (const origin of [endpoints.rest, endpoints.websocket]) guardEndpoint(origin, side, accepted);
  const { name, key, secret, passphrase } = entry;
  return new AccountClient({ exchange, side, name, mode, key, secret, passphrase, endpoints }, options);
}
