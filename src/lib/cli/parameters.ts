import * as Flags from '@oclif/core/flags';
import { UsageError } from '../model/errors.js';

/** `--param name=value`, repeatable: the value of `$name` in the statement. */
export const parametersFlag = Flags.string({
  summary: 'Value of $NAME in the statement, repeatable; numeric text becomes a number.',
  helpValue: 'NAME=VALUE',
  multiple: true,
  multipleNonGreedy: true,
});

/** Returns parameters by name. Throws a `UsageError` for text that is not `name=value` and for a repeated name. */
export function parametersOf(texts: readonly string[] = []): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const text of texts) {
    const [, name, value] = /^\$?([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`--param: expected NAME=VALUE, was "${text}"`);
    if (name in parameters) throw new UsageError(`--param: ${name} appears twice`);
    parameters[name] = value;
  }
  return parameters;
}
