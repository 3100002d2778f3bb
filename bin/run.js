#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { asksForHelp } from '../dist/run/lib/cli/help-request.js';

const argv = process.argv.slice(2);

/** A full disk ends help and version with one line instead of a stack trace; commands report it themselves. */
function reportStdoutErrors() {
  process.stdout.removeAllListeners('error');
  process.stdout.once('error', async (error) => {
    if (error.code === 'EPIPE') return;
    process.exitCode = 1;
    const { systemReason } = await import('../dist/run/lib/disk/system-reason.js');
    process.stderr.write(`mdtool: cannot write stdout: ${systemReason(error)}\n`);
  });
}

if (argv.length === 1 && ['--version', '-v', 'version'].includes(argv[0])) {
  // Answered here because loading the framework takes three times as long as the answer.
  reportStdoutErrors();
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else if (argv[0] === 'complete' && ['word', 'next'].includes(argv[1])) {
  // One press of the tab key. The framework would take longer than the candidates.
  const { answerCompletion } = await import('../dist/run/lib/cli/completion/main.js');
  await answerCompletion(argv[1] === 'word' ? argv.slice(2) : [...argv.slice(2), '']);
} else if (asksForHelp(argv)) {
  reportStdoutErrors();
  const { showHelp } = await import('../dist/run/lib/cli/help.js');
  showHelp(argv);
} else {
  // From Node 22.1 on: compiling everything again at each start takes longer than reading it.
  module.enableCompileCache?.();
  const { executeCommand } = await import('../dist/run/lib/cli/execute.js');
  reportStdoutErrors();
  await executeCommand(import.meta.url);
}
