/** Whether a command line asks for help: with nothing at all, by `help`, or by a flag before `--`. */
export function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  return argv.length === 0 || argv[0] === 'help' || flags.includes('--help') || flags.includes('-h');
}
