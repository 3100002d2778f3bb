import { EXCHANGES } from '../exchanges/index.js';
import { keyVariables } from '../secrets/environment.js';
import { NOT_CONFIGURABLE, SHARED_FLAGS } from './flags.js';
import { NOTIFY_NOTES, NOTIFY_SYMBOL_NOTES, NOTIFY_SYMBOL_TABLE, NOTIFY_TABLE, SINK_NOTES, SINK_TABLE } from './notify-keys.js';
import { PACING_KEYS, PACING_TABLE } from './pacing-keys.js';

/** A command's id (`grid:plan`) and the names of its flags. */
export type CommandFlags = { readonly id: string; readonly flags: readonly string[] };

/** A table of settings that are not flags. Each key has the environment variable `MDTOOL_` + `prefix` + KEY. */
type Section = { readonly table: string; readonly prefix: string; readonly keys: readonly string[] };

/** Keys of the table `[endpoints]` of one exchange, without its prefix. */
export const ENDPOINT_KEYS = ['ws_url', 'rest_url', 'private_ws_url', 'demo_rest_url', 'demo_ws_url'] as const;

const SECTIONS: readonly Section[] = [
  { table: 'endpoints', prefix: '', keys: EXCHANGES.flatMap(({ id }) => ENDPOINT_KEYS.map((key) => `${id}_${key}`)) },
  { table: PACING_TABLE, prefix: '', keys: PACING_KEYS },
  { table: NOTIFY_TABLE, prefix: 'notify_', keys: Object.keys(NOTIFY_NOTES) },
];

/** Tables with names of the user's own, which no variable sets. */
const NAMED_TABLES: Readonly<Record<string, readonly string[]>> = {
  [`${SINK_TABLE}.*`]: Object.keys(SINK_NOTES),
  [`${NOTIFY_SYMBOL_TABLE}.*`]: Object.keys(NOTIFY_SYMBOL_NOTES),
};

/** Secrets of sinks, each also with `_FILE`. */
const SINK_SECRET = /^MDTOOL_NOTIFY_[A-Z0-9_]+_SECRET(?:_FILE)?$/;

/** Placeholder for any name within the name of a table. */
const ANY = '*';

/** Commands with settings per symbol, in `[COMMAND.symbols.SYMBOL]`. */
const BY_SYMBOL: readonly string[] = ['signals'];

/** Flags that cannot be set per symbol. */
const NOT_BY_SYMBOL: readonly string[] = ['explain', 'follow', 'every'];

/**
 * Steps that compute what another one does: the settings of that one hold for both, so that they give the same records.
 * Flags of outputs and of the selection are each step's own.
 */
const COMPUTES_AS: Readonly<Record<string, readonly string[]>> = { watch: ['signals', 'features'] };

/** Returns the tables in which a command looks up a flag, the first goes before. */
export function tablesOf(command: string, flag: string): string[][] {
  const own = command.split(':');
  const isOwn = SHARED_FLAGS.includes(flag) || NOT_BY_SYMBOL.includes(flag);
  return [own, ...(isOwn ? [] : (COMPUTES_AS[command] ?? []).map((name) => [name])), []];
}

/** All settings, by table (`''` is the top level) and key, and by environment variable. */
export type SettingNames = {
  readonly tables: ReadonlyMap<string, ReadonlySet<string>>;
  readonly variables: ReadonlySet<string>;
};

/** Returns all settings: shared flags at the top level, each command's flags in its table, and the sections. */
export function buildSettingNames(commands: readonly CommandFlags[]): SettingNames {
  const tables = new Map<string, ReadonlySet<string>>([['', new Set(configurable(SHARED_FLAGS))]]);
  const secrets = keyVariables(EXCHANGES.map(({ id }) => id));
  const variables = new Set([
    'MDTOOL_CONFIG',
    'MDTOOL_S3_ENDPOINT',
    ...secrets,
    ...configurable(SHARED_FLAGS).map((key) => variableOf(key)),
  ]);
  const shared = new Set([...configurable(SHARED_FLAGS), ...NOT_BY_SYMBOL]);
  for (const { id, flags } of commands) {
    const keys = configurable(flags);
    tables.set(id.replaceAll(':', '.'), new Set(keys));
    if (BY_SYMBOL.includes(id)) tables.set(`${id}.symbols.${ANY}`, new Set(keys.filter((key) => !shared.has(key))));
    for (const key of keys) variables.add(variableOf(key));
  }
  for (const { table, prefix, keys } of SECTIONS) {
    tables.set(table, new Set([...(tables.get(table) ?? []), ...keys]));
    for (const key of keys) variables.add(variableOf(`${prefix}${key}`));
  }
  for (const [table, keys] of Object.entries(NAMED_TABLES)) tables.set(table, new Set(keys));
  return { tables, variables };
}

/** Returns the keys of a table, by its name or by the pattern it matches; undefined for an unknown table. */
export function keysOfTable(tables: SettingNames['tables'], names: readonly string[]): ReadonlySet<string> | undefined {
  return tables.get(names.join('.')) ?? tables.get([...names.slice(0, -1), ANY].join('.'));
}

/** Returns whether a variable is a setting, or the secret of a sink. */
export function isVariable(name: string, { variables }: SettingNames): boolean {
  return variables.has(name) || SINK_SECRET.test(name);
}

/** Returns the environment variable of a key, `log_level` → `MDTOOL_LOG_LEVEL`. */
export function variableOf(key: string): string {
  return `MDTOOL_${key.toUpperCase()}`;
}

/** Returns the key of a flag or of a spelling in a file: `log-level` → `log_level`. */
export function keyOf(name: string): string {
  return name.replaceAll('-', '_');
}

/** Returns the prefix of a section's variables. */
export function prefixOf(table: string): string {
  return SECTIONS.find((section) => section.table === table)?.prefix ?? '';
}

function configurable(flags: readonly string[]): string[] {
  return flags.filter((flag) => !NOT_CONFIGURABLE.has(flag)).map(keyOf);
}
