import { EXIT } from '../model/errors.js';
import { printable } from '../model/ndjson.js';
import { didYouMean } from '../model/suggestion.js';
import { HelpPages } from './help-page.js';
import { readManifest, readProgram } from './manifest.js';
import { createColors } from './output/colors.js';

const DEFAULT_WIDTH = 80;
const NARROWEST = 40;

/**
 * Prints the page that a command line asks for (`candles --help`, `help grid plan`). The manifest is enough for it: to load
 * the framework would take twice as long as the page. An unknown subject gives one line on stderr and exit code 2.
 */
export function showHelp(argv: readonly string[]): void {
  const program = readProgram();
  const { stdout, stderr } = process;
  const width = Math.max(NARROWEST, (stdout.isTTY && stdout.columns) || DEFAULT_WIDTH);
  const pages = new HelpPages({ manifest: readManifest(), program, width, heading: createColors(stdout).heading });
  const words = argv.filter((word) => word !== '' && !word.startsWith('-') && word !== 'help');
  const page = pages.page(words);
  if (page !== undefined) {
    stdout.write(page);
    return;
  }
  const name = words.join(' ');
  const hint = didYouMean(name, pages.subjects) || `; ${program.oclif.bin} --help lists the commands`;
  stderr.write(`mdtool: no help on "${printable(name)}"${hint}\n`);
  process.exitCode = EXIT.usage;
}

/** What oclif shows where a command line names a topic and no command (`mdtool grid`). */
export default class TopicHelp {
  showHelp(argv: readonly string[]): void {
    showHelp(argv);
  }
}
