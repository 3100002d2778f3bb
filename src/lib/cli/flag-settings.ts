import type { Interfaces } from '@oclif/core';
import { UsageError } from '../model/errors.js';
import type { ConfigValue } from './config-file.js';
import { isSharedValue, NOT_CONFIGURABLE } from './flags.js';
import type { Setting, Settings } from './settings.js';

type AnyFlag = Interfaces.BooleanFlag<unknown> | Interfaces.OptionFlag<unknown>;
type OptionFlag = Interfaces.OptionFlag<unknown>;

const TRUE = new Set(['1', 'true', 'yes', 'on']);
const FALSE = new Set(['0', 'false', 'no', 'off']);

/**
 * Returns a command's flags with the values of environment and configuration as their defaults. oclif then applies them
 * to each flag that is not on the command line. Throws a `UsageError` on a value that the flag refuses.
 */
export function configuredFlags<Flags extends object>(command: string, flags: Flags, settings: Settings): Flags {
  const configured = Object.entries(flags).map(([name, flag]) => {
    // A shared key is a setting of the commands whose flag takes a value: `status` is no setting of `worker --status`.
    const isForeign = (flag as AnyFlag).type === 'boolean' && isSharedValue(name);
    const setting = NOT_CONFIGURABLE.has(name) || isForeign ? undefined : settings.flag(command, name);
    return [name, setting ? withDefault(flag as AnyFlag, setting) : withoutDefaultHelp(flag as AnyFlag)];
  });
  return Object.fromEntries(configured) as Flags;
}

/** oclif's messages about flags that exclude each other show the default of the help instead of the value in use. */
function withoutDefaultHelp(flag: AnyFlag): object {
  const { defaultHelp: _, ...others } = flag as AnyFlag & { readonly defaultHelp?: unknown };
  return others;
}

function withDefault(flag: AnyFlag, setting: Setting): object {
  if (flag.type === 'boolean') return { ...flag, default: booleanOf(setting) };
  return { ...withoutDefaultHelp(flag), env: undefined, default: () => configuredValue(flag, setting) };
}

/** Returns a setting parsed as the value of a flag. Throws a `UsageError` on a value that the flag refuses. */
export async function configuredValue(flag: OptionFlag, setting: Setting): Promise<unknown> {
  if (flag.multiple) return Promise.all(textsOf(setting.value).map((text) => parsed(flag, text, setting.source)));
  return parsed(flag, textsOf(setting.value).join(','), setting.source);
}

async function parsed(flag: OptionFlag, text: string, source: string): Promise<unknown> {
  if (flag.options && !flag.options.includes(text))
    throw new UsageError(`${source}: expected one of ${flag.options.join(', ')}, was "${text}"`);
  try {
    // The parsers of these flags read the text alone.
    return await flag.parse(text, {} as never, flag as never);
  } catch (error) {
    (error as Error).message = `${source}: ${(error as Error).message.replace(/^--[\w-]+: /, '')}`;
    throw error;
  }
}

function booleanOf({ value, source }: Setting): boolean {
  const text = String(value).toLowerCase();
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw new UsageError(`${source}: expected true or false, was "${value}"`);
}

function textsOf(value: ConfigValue): string[] {
  if (Array.isArray(value)) return value.flatMap((part: ConfigValue) => textsOf(part));
  return [value instanceof Date ? value.toISOString() : String(value)];
}
