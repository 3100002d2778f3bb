#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const argv = process.argv.slice(2);

if (argv.length === 1 && ['--version', '-v', 'version'].includes(argv[0])) {
  // Answered here because loading the framework takes three times as long as the answer.
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else {
  const { execute, settings } = await import('@oclif/core');
  // Otherwise NODE_ENV=test or =development in somebody's shell makes oclif look for sources to compile.
  settings.enableAutoTranspile = false;
  await execute({ dir: import.meta.url });
}
