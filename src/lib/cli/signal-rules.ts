import type { Interfaces } from '@oclif/core';
import { EXCHANGES } from '../exchanges/index.js';
import { MARKETS } from '../model/records.js';
import type { SignalRules } from '../signals/rules.js';
import { configuredValue } from './flag-settings.js';
import { nativeSymbols } from './record-selection.js';
import { keyOf } from './setting-names.js';
import type { Settings } from './settings.js';
import { RULE_FLAGS, type RuleFlag, type RuleValues, ruleFlags, rulesOf } from './signal-flags.js';

/** The table of the configuration with a table of rules per symbol. */
const SYMBOL_RULES = 'signals.symbols';

type Named = { readonly exchange: string; readonly market: string; readonly symbol: string };

/** Returns the rules of any symbol. */
type RuleBook = (row: Named) => SignalRules;

/**
 * Returns the rules by symbol: what `[signals.symbols.SYMBOL]` says where neither the command line nor the environment
 * does, else `values`. A symbol is named in any spelling, or as `bybit:linear:BTCUSDT`, which goes before.
 * Throws a `UsageError` on rules that make no sense.
 */
export async function ruleBookOf(values: RuleValues, given: (flag: RuleFlag) => boolean, settings: Settings): Promise<RuleBook> {
  const general = rulesOf(values, 'signals');
  const own = new Map<string, SignalRules>();
  for (const symbol of settings.tablesIn(SYMBOL_RULES)) {
    const overridden: Record<string, unknown> = { ...values };
    for (const flag of RULE_FLAGS) {
      const setting = given(flag) ? undefined : settings.section(`${SYMBOL_RULES}.${symbol}`, keyOf(flag));
      if (setting) overridden[flag] = await configuredValue(ruleFlags[flag] as Interfaces.OptionFlag<unknown>, setting);
    }
    const rules = rulesOf(overridden as RuleValues, `[${SYMBOL_RULES}.${symbol}]`);
    for (const name of namesOf(symbol)) own.set(name, rules);
  }
  return ({ exchange, market, symbol }) => own.get(`${exchange}:${market}:${symbol}`) ?? own.get(symbol) ?? general;
}

/** Returns what a key of the configuration names: one symbol of one market, or the exchanges' spellings of a symbol. */
function namesOf(key: string): string[] {
  return isCanonical(key) ? [key] : nativeSymbols([key], EXCHANGES);
}

function isCanonical(key: string): boolean {
  return MARKETS.some((market) => key.includes(`:${market}:`));
}

/** Returns whether a flag is on the command line or in the environment: it then holds for every symbol. */
export function givenFlags(
  metadata: Readonly<Record<string, { readonly setFromDefault?: boolean | undefined } | undefined>>,
  settings: Settings,
): (flag: RuleFlag) => boolean {
  return (flag) => {
    // Every rule has a default: one that the parser did not fill in is on the command line.
    const isOnLine = metadata[flag]?.setFromDefault !== true;
    return isOnLine || settings.flag('signals', flag)?.source.startsWith('MDTOOL_') === true;
  };
}
