import { Flags } from '@oclif/core';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { programFolders, scopeFlags, scopeOf, servicesOf } from '../../../lib/cli/services.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { counted } from '../../../lib/model/counted.js';
import { UsageError } from '../../../lib/model/errors.js';
import { carryOut, type Plan, planInstallation } from '../../../lib/service/systemd.js';
import { unitOf } from '../../../lib/service/units.js';

export default class ServiceInstall extends BaseCommand {
  static override summary = 'Run mdtool as services of systemd.';
  static override description =
    `Writes units, enables and starts them, and prints what it did. Without a PART: stream, and timers for candles, features, signals, compact and verify with backfill. Other parts are notify and grid NAME.

Flags behind -- belong to the command of the service; all other settings come from mdtool.toml: /etc/mdtool with --system, ~/.config/mdtool with --user. Services of the system run as the user mdtool, hardened, and share the store in /var/lib/mdtool/store.`;
  static override usage = '<%= command.id %> [PART...] [flags] [-- FLAGS]';
  static override examples = [
    { description: 'Capture and upkeep on a server, as root', command: '<%= config.bin %> <%= command.id %> --system' },
    {
      description: 'Capture only, of two symbols',
      command: '<%= config.bin %> <%= command.id %> stream --user -- --exchange bybit --market linear --symbols BTCUSDT,ETHUSDT',
    },
    {
      description: 'A grid on paper, as root',
      command:
        '<%= config.bin %> <%= command.id %> grid eth-long --system -- --exchange bitget --symbols ETHUSDT --deposit 500 --leverage 5',
    },
  ];

  static override strict = false;

  static override flags = {
    ...scopeFlags,
    'dry-run': Flags.boolean({ summary: 'Print the files and the commands; change nothing.' }),
    'no-enable': Flags.boolean({ summary: 'Only write the files.' }),
  };

  async run(): Promise<SummaryDocument> {
    const dashes = this.argv.indexOf('--');
    const [own, rest] = dashes < 0 ? [this.argv, []] : [this.argv.slice(0, dashes), this.argv.slice(dashes + 1)];
    const { argv, flags } = await this.parse(ServiceInstall, own);
    const services = servicesOf(argv as string[], rest);
    if (rest.length > 0 && services.length > 1) throw new UsageError('flags behind -- belong to one PART: name it');
    const scope = scopeOf(flags);
    const plan = planInstallation({
      services,
      scope,
      root: flags.root,
      folders: programFolders(scope),
      enable: !flags['no-enable'],
    });
    if (!flags['dry-run']) await carryOut(plan);
    this.#print(plan, flags['dry-run']);
    this.summary.note({ files: [...plan.files.keys()], services: services.map(unitOf) });
    const done = flags['dry-run'] ? 'nothing changed' : `undo: mdtool service remove --${scope}`;
    this.stderr.note(`service install: ${counted(services.length, 'service')}; ${done}`);
    return this.summary.document(Date.now() * 1000);
  }

  #print({ files, commands }: Plan, isDry: boolean): void {
    if (this.jsonEnabled()) return;
    const lines = [...files].flatMap(([path, text]) => (isDry ? [`# ${path}`, text] : [`wrote  ${path}`]));
    this.log([...lines, ...commands.map((command) => `${isDry ? '$' : 'ran   '} ${command.join(' ')}`)].join('\n'));
  }
}
