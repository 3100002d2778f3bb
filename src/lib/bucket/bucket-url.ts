import { UsageError } from '../model/errors.js';

/** The name of an object, or of a prefix with several: `s3://bucket/key`. The key may be empty and begins with no slash. */
export type BucketUrl = { readonly bucket: string; readonly key: string };

/** Where a bucket is reached, and with which keys. The keys appear in no text. */
export type BucketAccess = {
  /** `https://host[:port]`, without a path. */
  readonly endpoint: string;
  /** Whether the bucket is the first part of the path, not of the host name: so with every endpoint of one's own. */
  readonly isPathStyle: boolean;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
};

type Environment = Readonly<Record<string, string | undefined>>;

const SCHEME = 's3://';
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** The same keys would mean several objects to other tools, or lead out of a cache directory. */
const UNSAFE_KEY = /(?:^|\/)\.{1,2}(?:\/|$)|\/\/|[\0\\]/;

/** Whether a text names a bucket. */
export function isBucketUrl(text: string): boolean {
  return text.toLowerCase().startsWith(SCHEME);
}

/** Returns the parts of `s3://bucket/key`. Throws a `UsageError` for another form. */
export function parseBucketUrl(text: string): BucketUrl {
  const [bucket = '', ...rest] = text.slice(SCHEME.length).split('/');
  const key = rest.join('/').replace(/\/+$/, '');
  if (!isBucketUrl(text) || !BUCKET.test(bucket) || UNSAFE_KEY.test(`/${key}`))
    throw new UsageError(`${text}: expected s3://BUCKET/PREFIX, a bucket of 3 to 63 lower-case letters, digits, dots and dashes`);
  return { bucket, key };
}

/**
 * Returns the access that the environment describes: `MDTOOL_S3_ENDPOINT`, else `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` or
 * AWS itself; keys and region from the usual variables of AWS. Throws a `UsageError` that names a missing variable.
 */
export function accessOf(environment: Environment): BucketAccess {
  const accessKeyId = environment.AWS_ACCESS_KEY_ID ?? '';
  const secretAccessKey = environment.AWS_SECRET_ACCESS_KEY ?? '';
  for (const [name, value] of Object.entries({ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }))
    if (value === '') throw new UsageError(`s3:// needs keys: set ${name} (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)`);
  const region = environment.AWS_REGION || environment.AWS_DEFAULT_REGION || 'us-east-1';
  const own = environment.MDTOOL_S3_ENDPOINT || environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL;
  const endpoint = !own ? `https://s3.${region}.amazonaws.com` : originOf(own);
  const sessionToken = environment.AWS_SESSION_TOKEN || undefined;
  return { endpoint, isPathStyle: Boolean(own), region, accessKeyId, secretAccessKey, sessionToken };
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '' || url.username !== '')
    throw new UsageError(
      `S3 endpoint: expected http(s)://HOST[:PORT], found ${url?.username ? 'an address with a user name' : text}`,
    );
  return url.origin;
}

/** Returns the address of an object; without a key, of the bucket. */
export function addressOf({ endpoint, isPathStyle }: BucketAccess, bucket: string, key = ''): URL {
  // A name with dots has no certificate below the host of AWS.
  const inPath = isPathStyle || bucket.includes('.');
  const url = new URL(inPath ? endpoint : endpoint.replace('://', `://${bucket}.`));
  const path = key.split('/').map(encodeURIComponent).join('/');
  url.pathname = inPath ? `/${bucket}${key === '' ? '' : `/${path}`}` : `/${path}`;
  return url;
}
