import { BaseCommand } from '../../../lib/cli/base-command.js';
import { scopeFlags, scopeOf, servicesOf } from '../../../lib/cli/services.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { counted } from '../../../lib/model/counted.js';
import { installedServices, removeServices } from '../../../lib/service/systemd.js';

export default class ServiceRemove extends BaseCommand {
  static override summary = 'Stop services of mdtool and remove their units.';
  static override description =
    'Undoes service install: of the named parts, or of all. The store, the settings, the user and what you put beside the units stay.';
  static override usage = '<%= command.id %> [PART...] [flags]';
  static override examples = [
    { description: 'Everything', command: '<%= config.bin %> <%= command.id %> --system' },
    { description: 'One grid run', command: '<%= config.bin %> <%= command.id %> grid eth-long --system' },
  ];

  static override strict = false;

  static override flags = scopeFlags;

  async run(): Promise<SummaryDocument> {
    const { argv, flags } = await this.parse(ServiceRemove);
    const place = { scope: scopeOf(flags), root: flags.root };
    const services = argv.length > 0 ? servicesOf(argv as string[]) : await installedServices(place);
    const removed = await removeServices(services, place);
    if (!this.jsonEnabled() && removed.length > 0) this.log(removed.map((path) => `removed  ${path}`).join('\n'));
    this.summary.note({ files: removed });
    const result = removed.length > 0 ? `${counted(removed.length, 'file')} removed` : 'nothing of it is installed';
    this.stderr.note(`service remove: ${result}`);
    return this.summary.document(Date.now() * 1000);
  }
}
