import { BaseCommand } from '../../../lib/cli/base-command.js';
import type { AskContext } from './target.js';

/** A command over runs that may ask the exchange. */
export abstract class AskingCommand extends BaseCommand {
  /** What a question to the exchange needs of a command line. */
  protected askContext(): AskContext {
    return {
      settings: this.settings,
      stderr: this.stderr,
      origin: this.restOrigin,
      userAgent: `mdtool/${this.config.version}`,
      notice: (text: string) => this.notice(text),
    };
  }
}
