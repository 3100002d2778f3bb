/** Yields what several generators give, as it comes; at most `most` of them run at a time, begun in order. */
export async function* inParallel<Item>(generators: Iterable<AsyncGenerator<Item>>, most: number): AsyncGenerator<Item> {
  type Next = { readonly generator: AsyncGenerator<Item>; readonly result: IteratorResult<Item> };
  const waiting = generators[Symbol.iterator]();
  const running = new Map<AsyncGenerator<Item>, Promise<Next>>();
  const advance = (generator: AsyncGenerator<Item>) =>
    void running.set(
      generator,
      generator.next().then((result) => ({ generator, result })),
    );
  const begin = () => {
    const { value, done } = waiting.next();
    if (!done) advance(value);
  };
  for (let started = 0; started < most; started++) begin();
  try {
    while (running.size > 0) {
      const { generator, result } = await Promise.race(running.values());
      running.delete(generator);
      if (result.done) begin();
      else {
        advance(generator);
        yield result.value;
      }
    }
  } finally {
    await Promise.all([...running].map(([generator, next]) => next.then(() => generator.return(undefined)).catch(() => {})));
  }
}
