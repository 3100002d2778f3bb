import { readFileSync } from 'node:fs';
import { packageFile } from '../disk/package-files.js';

/** What the build has written of all commands (`oclif.manifest.json`): help and completion read it and load no command. */
export type Manifest = { readonly commands: Readonly<Record<string, ManifestCommand>> };

export type ManifestCommand = {
  /** With `:` between its words. */
  readonly id: string;
  readonly hidden?: boolean;
  readonly summary?: string;
  readonly description?: string;
  readonly args?: Readonly<Record<string, ManifestArgument>>;
  readonly flags: Readonly<Record<string, ManifestFlag>>;
  readonly examples?: readonly (string | { readonly description?: string; readonly command: string })[];
};

export type ManifestArgument = {
  readonly name: string;
  readonly hidden?: boolean;
  readonly required?: boolean;
  readonly multiple?: boolean;
  readonly description?: string;
};

export type ManifestFlag = {
  readonly name: string;
  readonly type: 'option' | 'boolean';
  readonly char?: string;
  readonly hidden?: boolean;
  readonly required?: boolean;
  readonly multiple?: boolean;
  readonly allowNo?: boolean;
  readonly summary?: string;
  readonly description?: string;
  readonly helpGroup?: string;
  readonly helpValue?: string | readonly string[];
  readonly options?: readonly string[];
  readonly default?: unknown;
};

/** What `package.json` says of the program. */
export type Program = {
  readonly description: string;
  readonly oclif: {
    readonly bin: string;
    /** Names that are no commands but hold some, with what those are about. */
    readonly topics: Readonly<Record<string, { readonly description: string }>>;
  };
};

/** Returns the manifest. Throws where there was no build. */
export function readManifest(): Manifest {
  return readPackaged('oclif.manifest.json') as Manifest;
}

export function readProgram(): Program {
  return readPackaged('package.json') as Program;
}

function readPackaged(name: string): unknown {
  return JSON.parse(readFileSync(packageFile(name), 'utf8'));
}
