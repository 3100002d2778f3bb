import { readFileSync } from 'node:fs';
import { Flags } from '@oclif/core';
import type { Exchange } from '../../exchanges/exchange.js';
import { FailureError, UsageError } from '../../model/errors.js';
import { MARKETS, type Market } from '../../model/records.js';
import { systemReason } from '../../sinks/system-reason.js';

/** `--param name=value`, repeatable: values of `$name` in the statement. */
export const parametersFlag = Flags.string({
  summary: 'Value of $NAME in the statement; repeatable. Text that is a number stands for it.',
  helpValue: 'NAME=VALUE',
  multiple: true,
  multipleNonGreedy: true,
});

/** Returns parameters by name. Throws a `UsageError` for what is not `name=value` or is given twice. */
export function parametersOf(texts: readonly string[] = []): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const text of texts) {
    const [, name, value] = /^\$?([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`--param: expected NAME=VALUE, was "${text}"`);
    if (name in parameters) throw new UsageError(`--param: ${name} is given twice`);
    parameters[name] = value;
  }
  return parameters;
}

/** Returns the statement that the argument or `--file` holds, undefined when there is none. `-` is stdin. */
export function statementOf(argument: string | undefined, file: string | undefined): string | undefined {
  if (argument !== undefined && file !== undefined) throw new UsageError('query: expected a statement or --file, found both');
  if (file === undefined && argument !== '-') return argument;
  const path = file ?? '-';
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new FailureError(`cannot read the statement from ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** Returns the native spellings of symbols on any of the exchanges and markets; what none of them knows stays as it is. */
export function nativeSymbols(
  symbols: readonly string[],
  exchanges: readonly Exchange[],
  markets: readonly Market[] = MARKETS,
): string[] {
  return symbols.flatMap((spelling) => {
    const native = exchanges.flatMap((exchange) => markets.map((market) => exchange.nativeSymbol(spelling, market)));
    const known = [...new Set(native)].filter((symbol) => symbol !== undefined);
    return known.length > 0 ? known : [spelling];
  });
}
