/** One page of a listing. `folders` are the prefixes of objects behind the next slash; they end with it. */
type ListingPage = {
  readonly keys: readonly string[];
  readonly folders: readonly string[];
  readonly next: string | undefined;
};

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Returns a page of `ListObjectsV2`, undefined for a document that is none: a truncated page would hide objects. */
export function parseListing(xml: string): ListingPage | undefined {
  if (!/<\/ListBucketResult>\s*$/.test(xml)) return undefined;
  const keys = [...xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)].map(([, part = '']) => textOf(part, 'Key') ?? '');
  const folders = [...xml.matchAll(/<CommonPrefixes>([\s\S]*?)<\/CommonPrefixes>/g)].map(
    ([, part = '']) => textOf(part, 'Prefix') ?? '',
  );
  const next = textOf(xml, 'NextContinuationToken');
  const isCut = textOf(xml, 'IsTruncated') === 'true';
  return isCut && next === undefined ? undefined : { keys, folders, next: isCut ? next : undefined };
}

/** Returns the text of the first element of a name, undefined without one. */
export function textOf(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(xml)?.[1];
  return text?.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (entity, decimal, hex, name) => {
    if (decimal || hex) return String.fromCodePoint(Number.parseInt(decimal ?? hex, decimal ? 10 : 16));
    return ENTITIES[name] ?? entity;
  });
}
