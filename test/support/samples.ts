/** Returns how many cases of a property are tried: a sample in the suite, `MDTOOL_SAMPLES` times as many in the soak. */
export function samples(count: number): number {
  return Math.ceil(count * Number(process.env.MDTOOL_SAMPLES ?? 1));
}
