import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mdtoolHere } from '../support/mdtool-here.js';

/** Not under /home or /root, which services of the system cannot read. */
const root = mkdtempSync(join(tmpdir(), 'service-'));
const programs = join(root, 'bin');
mkdirSync(programs);
writeFileSync(join(programs, 'mdtool'), '');
chmodSync(join(programs, 'mdtool'), 0o755);
afterAll(() => rmSync(root, { recursive: true }));

const service = (args: readonly string[], env: Record<string, string> = {}) =>
  mdtoolHere(['service', ...args], { env: { PATH: programs, XDG_CONFIG_HOME: join(root, 'config'), ...env } });

describe('service install --dry-run', () => {
  it('prints every file and command, and writes nothing', async () => {
    const { stdout, stderr, code } = await service(['install', '--system', '--dry-run']);
    expect([code, stderr]).toEqual([0, 'service install: 6 services; nothing changed\n']);
    for (const part of ['stream', 'candles', 'features', 'signals', 'compact', 'verify']) {
      expect(stdout).toContain(`# /etc/systemd/system/mdtool-${part}.service\n`);
    }
    expect(stdout).toMatch(
      /\$ systemd-sysusers \/etc\/sysusers.d\/mdtool.conf\n\$ systemctl daemon-reload\n\$ systemctl enable --now /,
    );
    expect(readdirSync(root)).toEqual(['bin']);
  });

  it('puts the flags behind -- into the command of the service, and the folder of mdtool into its path', async () => {
    const { stdout } = await service([
      'install',
      'stream',
      '--user',
      '--dry-run',
      '--',
      '--exchange',
      'bybit',
      '--match',
      '^BTC$',
    ]);
    expect(stdout).toContain(`# ${join(root, 'config')}/systemd/user/mdtool-stream.service.d/command.conf`);
    expect(stdout).toContain('ExecStart=\nExecStart=/usr/bin/env mdtool stream --exchange bybit --match "^BTC$$"\n');
    expect(stdout).toContain(`Environment=PATH=${programs}:`);
    expect(stdout).not.toContain('User=');
    expect(stdout).toContain('$ systemctl --user enable --now mdtool-stream.service');
  });

  it('names a grid run in its unit and in its command', async () => {
    const { stdout } = await service(['install', 'grid', 'eth-long', '--user', '--dry-run', '--', '--deposit', '500']);
    expect(stdout).toContain('mdtool-grid@eth-long.service.d/command.conf');
    expect(stdout).toContain('ExecStart=/usr/bin/env mdtool grid run eth-long --deposit 500\n');
  });
});

describe('service, used wrongly', () => {
  it.each([
    [['install'], 'say whose services they are: --system or --user'],
    [['install', '--system', '--user'], '--user'],
    [['install', 'streams', '--user'], 'streams is no service; expected stream, candles'],
    [['install', 'grid', '--user'], 'expected grid NAME: the name of one run'],
    [['install', 'grid', '../x', '--user'], 'expected a name of lower-case letters, digits and dashes'],
    [['install', 'stream', 'candles', '--user', '--', '--quiet'], 'flags behind -- belong to one PART'],
    [['install', 'verify', '--user', '--', '--strict'], 'put its settings into mdtool.toml'],
    [['install', 'stream', '--user', '--', 'a\nb'], 'a line break cannot stand in a unit'],
    [['remove', 'candle', '--user'], 'candle is no service'],
  ])('%j', async (args, message) => {
    const { stdout, stderr, code } = await service(args);
    expect([stdout, code]).toEqual(['', 2]);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('says how mdtool gets onto the path', async () => {
    const unlinked = await service(['install', '--user'], { PATH: root });
    expect([unlinked.code, unlinked.stderr]).toEqual([2, expect.stringContaining('mdtool is not on the PATH: npm i -g mdtool')]);
  });

  it('names the program that a machine without systemd lacks', async () => {
    const { stderr, code } = await service(['install', 'stream', '--user']);
    expect(code).toBe(1);
    expect(stderr).toContain('systemctl is not installed: this machine has no systemd; docs/operations.md has lines for cron');
  });

  it('has nothing to remove where nothing is installed', async () => {
    const { stderr, code } = await service(['remove', '--user'], { XDG_CONFIG_HOME: join(root, 'empty') });
    expect([code, stderr]).toEqual([0, 'service remove: nothing of it is installed\n']);
  });
});
