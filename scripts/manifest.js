#!/usr/bin/env node
// Writes oclif.manifest.json from the built commands. With it the start-up and the help load no command's module.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Plugin, settings } from '@oclif/core';

// Otherwise NODE_ENV=test or =development makes oclif look for sources to compile: on Node 22 it then finds no command.
settings.enableAutoTranspile = false;

const root = fileURLToPath(new URL('..', import.meta.url));
const target = process.argv[2] ?? `${root}oclif.manifest.json`;

const plugin = new Plugin({
  root,
  type: 'core',
  isRoot: true,
  ignoreManifest: true,
  errorOnManifestCreate: true,
  respectNoCacheDefault: true,
});
await plugin.load();
const manifest = { ...plugin.manifest, commands: namedByFolder(plugin.manifest.commands) };
writeFileSync(target, `${JSON.stringify(sorted(manifest), undefined, 2)}\n`);

/**
 * The defaults in help are texts that never change, and the manifest has them. oclif would load the command with all that it
 * imports to ask for them again, which makes `--help` three times as long.
 */
function withFixedHelp(command) {
  const flags = Object.entries(command.flags).map(([name, flag]) => [name, { ...flag, hasDynamicHelp: false }]);
  return { ...command, hasDynamicHelp: false, flags: Object.fromEntries(flags) };
}

/** A command is the `command.ts` of its folder: oclif names it by the file (`grid:plan:command`), its users by the folder. */
function namedByFolder(commands) {
  const named = Object.values(commands).map((command) => ({
    ...withFixedHelp(command),
    id: command.id.replace(/:command$/, ''),
  }));
  return Object.fromEntries(named.map((command) => [command.id, command]));
}

/** Returns the value with the keys of objects in order, so that the file changes only with the commands. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
