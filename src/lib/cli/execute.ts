import { execute } from '@oclif/core/execute';
import { settings } from '@oclif/core/settings';

/** Runs the command that the arguments of this process name; `dir` is the address of the program. */
export async function executeCommand(dir: string): Promise<void> {
  // Otherwise NODE_ENV=test or =development in somebody's shell makes oclif look for sources to compile.
  settings.enableAutoTranspile = false;
  await execute({ dir });
}
