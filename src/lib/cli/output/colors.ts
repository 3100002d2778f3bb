import { Chalk } from 'chalk';

/** Text colours by meaning. */
export type Colors = {
  heading(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
};

/** Returns the colours for a stream: none if it is not a terminal or `NO_COLOR` is set (which chalk ignores). */
export function createColors(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv = process.env): Colors {
  const coloured = stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
  const chalk = new Chalk(coloured ? {} : { level: 0 });
  return { heading: chalk.bold, faint: chalk.dim, good: chalk.green, bad: chalk.red };
}
