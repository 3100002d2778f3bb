import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../../src/lib/bucket/bucket.js';
import { BUCKET_TIMING } from '../../../src/lib/bucket/bucket-requests.js';
import { accessOf, parseBucketUrl } from '../../../src/lib/bucket/bucket-url.js';
import { type Fault, type S3Request, S3Server } from '../../support/s3-server.js';
import { temporaryDirectory } from '../storage/support.js';

const TIMING = { ...BUCKET_TIMING, firstPauseMs: 1, longestPauseMs: 4, silenceMs: 500 };
let server: S3Server;
let bucket: Bucket;

beforeEach(async () => {
  server = await S3Server.start();
  bucket = new Bucket(accessOf(server.environment), server.bucket, { timing: TIMING, partBytes: 1000 });
});
afterEach(() => server.stop());

const bytes = (text: string) => Buffer.from(text);

/** Lets the first `times` requests that fit go wrong. */
function fail(fault: Fault, isHit: (request: S3Request) => boolean, times = 1): void {
  let left = times;
  server.options = { ...server.options, fault: (request) => (isHit(request) && left-- > 0 ? fault : undefined) };
}

async function listed(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of bucket.list(prefix)) keys.push(key);
  return keys;
}

describe('a bucket', () => {
  it('lets one of many writers create an object', async () => {
    const won = await Promise.all(Array.from({ length: 8 }, (_, n) => bucket.create('log/1', bytes(`${n}`))));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await bucket.read('log/1')).toBe(`${won.indexOf(true)}`);
  });

  it('knows its own object when the answer to the write got lost', async () => {
    fail('lost answer', ({ method }) => method === 'PUT');
    expect(await bucket.create('log/1', bytes('mine'))).toBe(true);
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'HEAD']);
  });

  it('does not take the object of another writer for its own when an answer got lost', async () => {
    await bucket.create('log/1', bytes('same text'));
    fail('lost answer', ({ method }) => method === 'PUT');
    expect(await bucket.create('log/1', bytes('same text'))).toBe(false);
  });

  it.each([
    [503, 'SlowDown', 9],
    [409, 'ConditionalRequestConflict', 9],
    [500, 'InternalError', 5],
  ])('sends again after %i %s, up to %i times', async (status, code, most) => {
    fail({ status, code }, () => true, most);
    expect(await bucket.create('log/1', bytes('one'))).toBe(true);
    fail({ status, code }, () => true, most + 1);
    await expect(bucket.create('log/2', bytes('two'))).rejects.toMatchObject({ isOutage: true, exitCode: 1 });
  });

  it('signs by the clock of the server', async () => {
    server.options = { skew: 3_600_000 };
    expect(await bucket.create('log/1', bytes('one'))).toBe(true);
    expect(Math.abs(bucket.now() - Date.now() - 3_600_000)).toBeLessThan(2_000);
  });

  it('lists beyond a page, and the names of folders once', async () => {
    const keys = Array.from({ length: 2_050 }, (_, n) => `a/${String(n % 7)}/${String(n).padStart(5, '0')} <&é>`).sort();
    for (const key of keys) server.objects.set(key, { body: bytes('x'), etag: '"1"', changedAt: 0, meta: {} });
    expect(await listed('a/')).toEqual(keys);
    expect(server.requests).toHaveLength(3);
    expect(await bucket.names('a/')).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    server.options = { pageSize: 3 };
    expect(await bucket.names('a/')).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  });

  it('reads no half of a listing for a whole one', async () => {
    server.objects.set('a/1', { body: bytes('x'), etag: '"1"', changedAt: 0, meta: {} });
    fail('cut body', ({ key }) => key === '');
    expect(await listed('a/')).toEqual(['a/1']);
  });

  it('sends a large file in parts, and receives it whole though the connection breaks', async () => {
    const folder = await temporaryDirectory();
    const content = Buffer.from(Array.from({ length: 2_500 }, (_, n) => n % 251));
    await writeFile(join(folder, 'sent'), content);
    fail('lost answer', ({ method, query }) => method === 'PUT' && query.get('partNumber') === '2');
    await bucket.upload(join(folder, 'sent'), 'large');
    expect(server.requests.filter(({ query }) => query.has('partNumber'))).toHaveLength(4);
    fail('cut body', ({ method }) => method === 'GET', 2);
    expect(await bucket.download('large', join(folder, 'received'))).toBe(true);
    expect((await readFile(join(folder, 'received'))).equals(content)).toBe(true);
    expect(await bucket.download('absent', join(folder, 'received'))).toBe(false);
  });

  it('joins parts once when the answer got lost, and drops them when they cannot be sent', async () => {
    const path = join(await temporaryDirectory(), 'sent');
    await writeFile(path, Buffer.alloc(2_500));
    fail('lost answer', ({ method, query }) => method === 'POST' && query.has('uploadId'));
    expect(await bucket.upload(path, 'large')).toBe(true);
    expect(server.objects.get('large')?.body).toHaveLength(2_500);
    fail({ status: 403, code: 'AccessDenied' }, ({ query }) => query.get('partNumber') === '2');
    await expect(bucket.upload(path, 'second')).rejects.toThrow(/403 AccessDenied.*check AWS_ACCESS_KEY_ID/);
    expect(server.requests.at(-1)).toMatchObject({ method: 'DELETE', key: 'second' });
    expect(server.objects.has('second')).toBe(false);
  });

  it('renames, and says when there is nothing to rename', async () => {
    await bucket.put("x/date=1/it's é.parquet", bytes('one'));
    expect(await bucket.rename("x/date=1/it's é.parquet", 'x/date=1/.other.replaced')).toBe(true);
    expect(server.keys()).toEqual(['x/date=1/.other.replaced']);
    expect(await bucket.rename('absent', 'other')).toBe(false);
  });

  it.each([
    ['kept', undefined],
    ['ignored', /ignores If-None-Match/],
    ['lacking', /lacks conditional writes: it returned 501/],
  ] as const)('names the defect of a server on which conditions are %s', async (conditions, expected) => {
    server.options = { conditions };
    const defect = await bucket.defect('state/probe');
    if (expected) expect(defect).toMatch(expected);
    else expect(defect).toBeUndefined();
    expect(server.keys()).toEqual([]);
  });

  it('says what is wrong in one line without the keys', async () => {
    const other = new Bucket(accessOf(server.environment), 'absent', { timing: TIMING });
    await expect(other.read('x')).rejects.toThrow(/has no bucket absent: create it first/);
    const strange = new Bucket(accessOf({ ...server.environment, AWS_ACCESS_KEY_ID: 'UNKNOWNKEY' }), server.bucket, {
      timing: TIMING,
    });
    const error = await strange.read('x').catch((one: Error) => one);
    expect(String(error)).toMatch(/403 AccessDenied/);
    expect(String(error)).not.toMatch(/UNKNOWNKEY|canary/);
    await server.stop();
    await expect(bucket.read('x')).rejects.toMatchObject({
      message: expect.stringMatching(/refused the connection after 6 attempts/),
    });
    server = await S3Server.start();
  });
});

describe('the address of a bucket', () => {
  it.each(['s3://', 's3://A/x', 's3://ab/x', 's3://bucket/a/../b', 's3://bucket//x', 'bucket/x'])('%s is refused', (text) => {
    expect(() => parseBucketUrl(text)).toThrow(/expected s3:\/\/BUCKET\/PREFIX/);
  });

  it('has a bucket and a key without slashes around it', () => {
    expect(parseBucketUrl('s3://market/a/b/')).toEqual({ bucket: 'market', key: 'a/b' });
    expect(parseBucketUrl('s3://market')).toEqual({ bucket: 'market', key: '' });
  });

  it('comes from the usual variables', () => {
    const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(accessOf({ ...keys, AWS_REGION: 'eu-west-1' })).toMatchObject({
      endpoint: 'https://s3.eu-west-1.amazonaws.com',
      isPathStyle: false,
    });
    const own = { ...keys, AWS_ENDPOINT_URL: 'http://a:1', MDTOOL_S3_ENDPOINT: 'https://b' };
    expect(accessOf(own)).toMatchObject({ endpoint: 'https://b', isPathStyle: true, region: 'us-east-1' });
    expect(() => accessOf({ AWS_ACCESS_KEY_ID: 'id' })).toThrow(/set AWS_SECRET_ACCESS_KEY/);
    expect(() => accessOf({ ...keys, MDTOOL_S3_ENDPOINT: 'https://user:word@host' })).toThrow(
      /found an address with a user name/,
    );
  });
});
