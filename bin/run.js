#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const argv = process.argv.slice(2);

if (argv.length === 1 && ['--version', '-v', 'version'].includes(argv[0])) {
  // Answered here because loading the framework takes three times as long as the answer.
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else if (argv[0] === 'complete' && ['--', '--next'].includes(argv[1])) {
  // One press of the tab key. The framework would take longer than the candidates.
  const { answerCompletion } = await import('../dist/lib/cli/completion/main.js');
  await answerCompletion(argv[1] === '--' ? argv.slice(2) : [...argv.slice(2), '']);
} else {
  const { execute, settings } = await import('@oclif/core');
  // Otherwise NODE_ENV=test or =development in somebody's shell makes oclif look for sources to compile.
  settings.enableAutoTranspile = false;
  await execute({ dir: import.meta.url });
}
