import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let root: string | undefined;

/**
 * Returns the path of a file of this package, given from its root. Relative to a module it would be wrong: the build joins
 * modules into files that lie elsewhere.
 */
export function packageFile(path: string): string {
  root ??= rootAbove(dirname(fileURLToPath(import.meta.url)));
  return join(root, path);
}

function rootAbove(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : rootAbove(dirname(directory));
}
