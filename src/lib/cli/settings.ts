import { UsageError } from '../model/errors.js';
import { didYouMean, nearest } from '../model/suggestion.js';
import { type ConfigFile, type ConfigTable, type ConfigValue, readConfigFiles } from './config-file.js';
import { NOT_CONFIGURABLE } from './flags.js';
import {
  buildSettingNames,
  type CommandFlags,
  isVariable,
  keyOf,
  keysOfTable,
  prefixOf,
  type SettingNames,
  tablesOf,
  variableOf,
} from './setting-names.js';

const COMMAND_LINE_ONLY = '; only the command line can set it';

/** A configured value and its source, for messages: `MDTOOL_STORE` or `mdtool.toml: [symbols] quote`. */
export type Setting = { readonly value: ConfigValue; readonly source: string };

type SettingsOptions = {
  readonly commands: readonly CommandFlags[];
  readonly environment: NodeJS.ProcessEnv;
  /** `--config`, if set. */
  readonly file?: string | undefined;
};

/** Settings of the environment and of configuration files, in this order of precedence. Unknown names are refused. */
export class Settings {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #files: readonly ConfigFile[];

  /** Throws a `UsageError` on an unknown variable or key, a `FailureError` when a named file cannot be read. */
  constructor({ commands, environment, file }: SettingsOptions) {
    const names = buildSettingNames(commands);
    checkEnvironment(environment, names);
    this.#environment = environment;
    this.#files = readConfigFiles(file ?? (environment.MDTOOL_CONFIG || undefined), environment);
    for (const { path, table } of this.#files) checkTable(path, table, [], names.tables);
  }

  /** Returns the setting of a command's flag; a command's own table overrides the top level of the same file. */
  flag(command: string, flag: string): Setting | undefined {
    const key = keyOf(flag);
    return this.#variable(variableOf(key)) ?? this.#inFiles(tablesOf(command, flag), key);
  }

  /** Returns a setting that is not a flag, from its table. */
  section(table: string, key: string): Setting | undefined {
    return this.#variable(variableOf(`${prefixOf(table)}${key}`)) ?? this.#inFiles([table.split('.')], key);
  }

  /** Returns a setting of a table that only files have: the tables of sinks, whose keys would be variables of other flags. */
  inFile(table: string, key: string): Setting | undefined {
    return this.#inFiles([table.split('.')], key);
  }

  /** Returns every value that is set, in order of precedence: variables, then each file from its top to its last table. */
  entries(): Setting[] {
    const variables = Object.keys(this.#environment).filter((name) => name.startsWith(variableOf('')));
    const set = variables.sort().flatMap((name) => this.#variable(name) ?? []);
    return [...set, ...this.#files.flatMap(({ path, table }) => entriesOf(path, table, []))];
  }

  /** Returns the names of the tables within a table: the symbols of `signals.symbols`. */
  tablesIn(table: string): string[] {
    const names = this.#files.flatMap(({ table: root }) => {
      const inner = table
        .split('.')
        .reduce<ConfigTable | ConfigValue | undefined>(
          (outer, name) => (outer !== undefined && isTable(outer) ? outer[name] : undefined),
          root,
        );
      return inner !== undefined && isTable(inner) ? Object.keys(inner) : [];
    });
    return [...new Set(names)];
  }

  #variable(name: string): Setting | undefined {
    const value = this.#environment[name];
    return value === undefined || value === '' ? undefined : { value, source: name };
  }

  #inFiles(tables: readonly (readonly string[])[], key: string): Setting | undefined {
    for (const { path, table } of this.#files) {
      for (const names of tables) {
        const value = lookUp(table, names, key);
        if (value !== undefined) return { value, source: `${path}: ${placeOf(names, key)}` };
      }
    }
    return undefined;
  }
}

function lookUp(root: ConfigTable, names: readonly string[], key: string): ConfigValue | undefined {
  let table: ConfigTable | undefined = root;
  for (const name of names) {
    const inner: ConfigTable[string] | undefined = table[name];
    if (inner === undefined || !isTable(inner)) return undefined;
    table = inner;
  }
  const spelling = Object.keys(table).find((name) => keyOf(name) === key);
  const value = spelling === undefined ? undefined : table[spelling];
  return value === undefined || isTable(value) ? undefined : value;
}

function entriesOf(path: string, table: ConfigTable, names: readonly string[]): Setting[] {
  return Object.entries(table).flatMap(([name, value]) =>
    isTable(value) ? entriesOf(path, value, [...names, name]) : [{ value, source: `${path}: ${placeOf(names, keyOf(name))}` }],
  );
}

function checkEnvironment(environment: NodeJS.ProcessEnv, names: SettingNames): void {
  const { variables } = names;
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('MDTOOL_') || isVariable(name, names)) continue;
    const key = name.slice(variableOf('').length).toLowerCase();
    const near = NOT_CONFIGURABLE.has(key) ? COMMAND_LINE_ONLY : didYouMeanVariable(key, variables);
    throw new UsageError(`environment: unknown variable ${name}${near}`);
  }
}

/** Compares without the common prefix, which would make every name similar. */
function didYouMeanVariable(key: string, variables: ReadonlySet<string>): string {
  const [near] = nearest(
    key,
    [...variables].map((name) => name.slice(variableOf('').length).toLowerCase()),
    1,
  );
  return near === undefined ? '' : `; did you mean ${variableOf(near)}?`;
}

function checkTable(path: string, table: ConfigTable, names: readonly string[], tables: SettingNames['tables']): void {
  const known = keysOfTable(tables, names);
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(table)) {
    const inner = [...names, name];
    if (isTable(value) && isKnownTable(inner, tables)) {
      checkTable(path, value, inner, tables);
      continue;
    }
    if (isTable(value))
      throw new UsageError(`${path}: unknown table [${inner.join('.')}]${didYouMean(inner.join('.'), tables.keys())}`);
    if (!known?.has(keyOf(name))) throw unknownKey(path, names, name, tables);
    if (seen.has(keyOf(name))) throw new UsageError(`${path}: ${placeOf(names, keyOf(name))} appears twice`);
    seen.add(keyOf(name));
  }
}

function unknownKey(path: string, names: readonly string[], name: string, tables: SettingNames['tables']): UsageError {
  const known = keysOfTable(tables, names) ?? new Set<string>();
  const elsewhere = [...tables].filter(([table, keys]) => table !== '' && keys.has(keyOf(name))).map(([table]) => `[${table}]`);
  if (NOT_CONFIGURABLE.has(name)) return new UsageError(`${path}: unknown key ${placeOf(names, name)}${COMMAND_LINE_ONLY}`);
  const hint = didYouMean(keyOf(name), known) || (elsewhere.length > 0 ? `; it belongs in ${elsewhere.join(' or ')}` : '');
  return new UsageError(`${path}: unknown key ${placeOf(names, name)}${hint}`);
}

function isKnownTable(names: readonly string[], tables: SettingNames['tables']): boolean {
  const name = names.join('.');
  if (keysOfTable(tables, names)) return true;
  return [...tables.keys()].some((table) => table === name || table.startsWith(`${name}.`));
}

function isTable(value: ConfigValue | ConfigTable): value is ConfigTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}

function placeOf(names: readonly string[], key: string): string {
  return names.length > 0 ? `[${names.join('.')}] ${key}` : key;
}
