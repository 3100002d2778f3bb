import * as Args from '@oclif/core/args';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { SCRIPTS } from '../../lib/cli/completion/scripts.js';

const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

export default class Completion extends BaseCommand {
  static override summary = 'Print a script that makes a shell complete command lines.';
  static override description =
    `Besides commands and flags it completes the values of --exchange, --market, --channels, --interval and --format, the symbols of the last lists in the store (--symbols), the views of query, and file names.`;
  static override examples = [
    { description: 'bash: a line for ~/.bashrc', command: 'source <(<%= config.bin %> <%= command.id %> bash)' },
    { description: 'zsh: a line for ~/.zshrc, after compinit', command: 'source <(<%= config.bin %> <%= command.id %> zsh)' },
    {
      description: 'fish',
      command: '<%= config.bin %> <%= command.id %> fish > ~/.config/fish/completions/<%= config.bin %>.fish',
    },
    {
      description: 'PowerShell: a line for $PROFILE',
      command: '<%= config.bin %> <%= command.id %> powershell | Out-String | Invoke-Expression',
    },
  ];

  static override args = {
    shell: Args.string({ description: `Shell: ${SHELLS.join(', ')}.`, required: true, options: SHELLS }),
  };

  async run(): Promise<void> {
    const { args } = await this.parse(Completion);
    this.log(SCRIPTS[args.shell as keyof typeof SCRIPTS].trimEnd());
  }
}
