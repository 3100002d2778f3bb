import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mdtoolHere } from '../support/mdtool-here.js';
import { S3Server } from '../support/s3-server.js';

const TAPE = 'fixtures/bybit-v5.tape.ndjson.gz';
const STORE = 's3://market/tape';
let server: S3Server;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  server = await S3Server.start();
  folder = await mkdtemp(join(tmpdir(), 'bucket commands '));
  env = { ...server.environment, MDTOOL_STORE_CACHE: join(folder, 'cache') };
  for (const store of [STORE, join(folder, 'disk')]) {
    await mdtool(['stream', '--replay', TAPE, '-o', 'store', '--store', store]);
    await mdtool(['candles', '--interval', '1s,1m', '--store', store]);
    await mdtool(['features', '--store', store]);
  }
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Runs a command line that must succeed, and whose output has none of the keys. */
async function mdtool(args: readonly string[], code = 0) {
  const ended = await mdtoolHere(args, { env });
  expect([ended.code, ended.code === code ? '' : ended.stderr]).toEqual([code, '']);
  expect(`${ended.stdout}${ended.stderr}`).not.toMatch(/canary|TESTKEYID/);
  return ended;
}

describe('mdtool over s3://', () => {
  it.each([['select * from candle order by all'], ['select * from features order by all'], ['select * from trade order by all']])(
    '%s: the same rows as over the same store on a disk',
    async (sql) => {
      const [bucket, disk] = [
        await mdtool(['query', sql, '--store', STORE]),
        await mdtool(['query', sql, '--store', join(folder, 'disk')]),
      ];
      expect(bucket.stdout.split('\n').length).toBeGreaterThan(30);
      expect(bucket.stdout).toBe(disk.stdout);
    },
  );

  it('verifies and compacts, and lists the store', async () => {
    const { stdout } = await mdtool(['verify', '--store', STORE]);
    expect(stdout.match(/"verdict":"whole"/g)).toHaveLength(3);
    await mdtool(['compact', '--store', STORE]);
    expect((await mdtool(['store', 'repair', '--store', STORE])).stderr).toMatch(/nothing to do/);
    expect((await mdtool(['query', '--store', STORE])).stdout).toBe(
      (await mdtool(['query', '--store', join(folder, 'disk')])).stdout,
    );
  });

  it('is backed up into a prefix and from there to a disk, and a second backup copies nothing', async () => {
    const copy = 's3://market/copies/tape';
    await mdtool(['store', 'backup', copy, '--store', STORE]);
    const { stdout } = await mdtool(['store', 'backup', copy, '--store', STORE, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ new_files: 0 });
    await mdtool(['store', 'restore', copy, '--store', join(folder, 'restored')]);
    expect((await mdtool(['query', '--store', join(folder, 'restored')])).stdout).toBe(
      (await mdtool(['query', '--store', STORE])).stdout,
    );
  });

  it.each(['parquet', 'ndjson.gz'])('writes a .%s object that is whole or not there, and overwrites none', async (ending) => {
    const output = `s3://market/out/candles.${ending}`;
    const input = ['candles', '--store', STORE, '--interval', '1s', '-o'];
    const { stderr } = await mdtool([...input, output]);
    expect(stderr).toContain(`written to ${output}`);
    const local = join(folder, `candles.${ending}`);
    await mdtool([...input, local]);
    const sql = `select * from '${local}' order by all`;
    const expected = (await mdtool(['query', sql])).stdout;
    await writeFile(local, server.objects.get(`out/candles.${ending}`)?.body ?? '');
    expect((await mdtool(['query', sql])).stdout).toBe(expected);
    expect((await mdtool([...input, output], 2)).stderr).toContain(`-o ${output} already exists; use --force to replace it`);
    await mdtool([...input, output, '--force']);
  });

  it('writes an object for each type, and the rows of a query', async () => {
    await mdtool(['stream', '--replay', TAPE, '-o', 's3://market/out/{type}/x.csv']);
    expect(server.keys('out/')).toEqual(expect.arrayContaining(['out/trade/x.csv', 'out/clock/x.csv']));
    const { stderr } = await mdtool(['query', 'select 1 as one', '-o', 's3://market/out/one.csv']);
    expect(stderr).toContain('query: 1 row written to s3://market/out/one.csv');
    expect(server.objects.get('out/one.csv')?.body.toString()).toBe('one\n1\n');
  });

  it('keeps the copies where --store-cache says', async () => {
    const cache = join(folder, 'other');
    await mdtool(['query', 'select count(*) from trade', '--store', STORE, '--store-cache', cache]);
    expect(await readdir(cache)).toEqual([expect.stringMatching(/^market-[0-9a-f]{12}$/)]);
  });

  it.each([
    [['query', 'select * from trade', '--store', 's3://market/none'], 2, /no store in s3:\/\/market\/none/],
    [['query', 'select * from trade', '--store', 's3://absent/x'], 1, /has no bucket absent: create it first/],
    [['candles', '--store', 's3://A'], 2, /s3:\/\/A: expected s3:\/\/BUCKET\/PREFIX/],
    [['grid', 'list', '--store', STORE], 2, /a run keeps its journal on the disk of one machine/],
    [['candles', TAPE, '-o', 's3://market/dir/'], 2, /expected (the name of a file|one of)/],
  ])('%j is refused in one line', async (args, code, message) => {
    expect((await mdtool(args, code)).stderr).toMatch(message);
  });

  it('asks for keys', async () => {
    const { code, stderr } = await mdtoolHere(['query', 'select * from trade', '--store', STORE], {
      env: { MDTOOL_S3_ENDPOINT: 'http://127.0.0.1:1' },
    });
    expect([code, stderr]).toEqual([2, expect.stringContaining('s3:// needs keys: set AWS_ACCESS_KEY_ID')]);
  });
});
