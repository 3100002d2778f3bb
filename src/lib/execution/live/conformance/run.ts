import { UsageError } from '../../../model/errors.js';
import { askLists, askSettings } from './account-questions.js';
import { askClientIds, askLimits, askLookups } from './order-questions.js';
import { askPositions } from './position-questions.js';
import { Probe, type ProbeOptions } from './probe.js';
import { CONFORMANCE_VERSION, type ConformanceResult, type Fact } from './result.js';

/** What the probe found, and what of it is left on the exchange all the same. `isWhole`: every question was asked. */
export type Conformance = {
  readonly result: ConformanceResult;
  readonly isWhole: boolean;
  readonly left: readonly string[];
};

const GROUPS: readonly (readonly [string, (probe: Probe) => Promise<Fact[]>])[] = [
  ['settings', askSettings],
  ['client ids', askClientIds],
  ['lookups and time', askLookups],
  ['lists and pushes', askLists],
  ['prices and steps', askLimits],
  ['a position', askPositions],
];

/**
 * Asks an account what no document answers, by small orders on its demo side, and takes them all away. Throws a `UsageError`
 * where the symbol is not empty, an `AccountError` where a question could not be asked: half a result would confirm nothing.
 */
export async function probeConformance(options: ProbeOptions): Promise<Conformance> {
  const { client, family, scope, signal, note } = options;
  if (client.account.mode !== 'demo') throw new UsageError('the conformance of an exchange is probed on its demo side only');
  const probe = new Probe(options);
  await requireEmpty(probe);
  const facts: Fact[] = [];
  let isWhole = false;
  let left: readonly string[] = [];
  try {
    for (const [name, ask] of GROUPS) {
      if (signal.aborted) break;
      note(`asking about ${name}`);
      facts.push(...(await ask(probe)));
    }
    isWhole = !signal.aborted;
  } finally {
    left = await probe.clean();
    if (left.length > 0) note(`what the probe could not take away: ${left.join(', ')}`);
  }
  const { exchange } = client.account;
  const timestamp = Math.round(client.now() * 1_000);
  const of = { exchange: exchange.id, family: family.id, symbol: scope.symbol, positionMode: options.positionMode };
  return { result: { conformanceVersion: CONFORMANCE_VERSION, ...of, timestamp, facts }, isWhole, left };
}

/** Returns the modes in which an account trades a symbol, as far as it shows them. */
export async function modesOf({
  client,
  family,
  scope,
}: Pick<ProbeOptions, 'client' | 'family' | 'scope'>): Promise<Pick<ProbeOptions, 'marginMode' | 'positionMode'>> {
  const [settings] = (await client.read(family.symbolSettings?.(scope) ?? family.settings)).items;
  const own = settings?.symbols?.find(({ symbol }) => symbol === scope.symbol)?.marginMode;
  const shown = own ?? settings?.marginMode ?? 'isolated';
  const rows = (await client.read(family.positions(scope))).items;
  const positionMode = rows.find(({ symbol }) => symbol === scope.symbol)?.positionMode ?? settings?.positionMode ?? 'one_way';
  return { marginMode: shown === 'isolated' ? 'isolated' : 'cross', positionMode };
}

/** Orders and positions of others would be taken for the probe's. */
async function requireEmpty(probe: Probe): Promise<void> {
  const { symbol } = probe.scope;
  const [orders, held] = [await probe.open(), await probe.holdings()];
  if (orders.length > 0 || held.length > 0)
    throw new UsageError(`${symbol} has orders or a position: choose another --symbols, or close them first`);
}
