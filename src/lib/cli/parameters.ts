import { Flags } from '@oclif/core';
import { UsageError } from '../model/errors.js';

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
