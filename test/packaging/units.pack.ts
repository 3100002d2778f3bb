import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { output } from '../support/checked-by.js';
import { isInstalled } from '../support/installed.js';
import { ROOT } from '../support/mdtool.js';

const hasSystemd = isInstalled('systemd-analyze', 'the units');
const hasPrometheus = isInstalled('promtool', 'the alerts');

describe.runIf(hasSystemd)('the units in a system', () => {
  const root = mkdtempSync(join(tmpdir(), 'units-'));
  const programs = join(root, 'usr/local/bin');
  const units = join(root, 'etc/systemd/system');
  const service = (...args: string[]) =>
    output(process.execPath, [join(ROOT, 'bin/run.js'), 'service', ...args, '--system', '--root', root], {
      env: { ...process.env, PATH: `${programs}:${process.env.PATH}` },
    });
  const installed = () => readdirSync(units).filter((name) => /\.(?:service|timer)$/.test(name));

  beforeAll(() => {
    for (const folder of [programs, join(root, 'usr/bin'), join(root, 'bin'), join(root, 'usr/lib/systemd')])
      mkdirSync(folder, { recursive: true });
    writeFileSync(join(programs, 'mdtool'), '#!/bin/sh\n');
    chmodSync(join(programs, 'mdtool'), 0o755);
    for (const program of ['/usr/bin/env', '/bin/sh']) cpSync(program, join(root, program), { dereference: true });
    cpSync('/lib/systemd/system', join(root, 'usr/lib/systemd/system'), { recursive: true, verbatimSymlinks: true });
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it('are installed, valid and hardened', () => {
    service('install');
    service('install', 'notify');
    output(
      process.execPath,
      [join(ROOT, 'bin/run.js'), ...['service', 'install', 'grid', 'eth', '--system', '--root', root, '--', '--deposit', '500']],
      {
        env: { ...process.env, PATH: `${programs}:${process.env.PATH}` },
      },
    );
    expect(installed()).toHaveLength(13);
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toMatch(/^mdtool:/m);
    const enabled = ['default.target.wants', 'timers.target.wants'].flatMap((name) => readdirSync(join(units, name)));
    expect(enabled).toHaveLength(8);
    const services = installed().map((name) => name.replace('@.', '@eth.'));
    expect(output('systemd-analyze', ['verify', `--root=${root}`, ...services])).toBe('');
    for (const name of services.filter((each) => each.endsWith('.service'))) {
      const report = output('systemd-analyze', ['security', '--offline=true', `--root=${root}`, name]);
      expect(Number(/Overall exposure level for \S+: ([\d.]+)/.exec(report)?.[1])).toBeLessThanOrEqual(2.5);
    }
  });

  it('are removed again, all but what a person put beside them', () => {
    const own = join(units, 'mdtool-stream.service.d/override.conf');
    mkdirSync(join(units, 'mdtool-stream.service.d'), { recursive: true });
    writeFileSync(own, '[Service]\nNice=5\n');
    service('remove', 'candles');
    expect(installed()).toHaveLength(11);
    service('remove');
    expect(installed()).toEqual([]);
    expect(existsSync(join(units, 'mdtool-.service.d'))).toBe(false);
    expect(existsSync(own)).toBe(true);
  });
});

describe.runIf(hasPrometheus)('the alerts', () => {
  it('are valid, and each fires when it must and not before', () => {
    output('promtool', ['check', 'rules', 'packaging/prometheus/alerts.yml']);
    output('promtool', ['test', 'rules', 'packaging/prometheus/alerts.test.yml']);
    const text = readFileSync(join(ROOT, 'packaging/prometheus/alerts.test.yml'), 'utf8');
    const names = [...readFileSync(join(ROOT, 'packaging/prometheus/alerts.yml'), 'utf8').matchAll(/alert: (\w+)/g)].map(
      ([, name]) => name,
    );
    expect(names.filter((name) => !new RegExp(`alertname: ${name}\\n +exp_alerts`).test(text))).toEqual([]);
  });
});
