import { Chalk } from 'chalk';

/** The few colours there are, by meaning. */
export type Paint = {
  heading(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
};

/** Returns the colours for a stream: none when it is no terminal or `NO_COLOR` is set (which chalk does not look at). */
export function createPaint(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv = process.env): Paint {
  const coloured = stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
  const chalk = new Chalk(coloured ? {} : { level: 0 });
  return { heading: chalk.bold, faint: chalk.dim, good: chalk.green, bad: chalk.red };
}
