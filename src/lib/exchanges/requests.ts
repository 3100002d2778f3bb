/** A GET request as data; whoever performs it puts the origin in front of `path`. */
export type HttpRequest = { readonly path: string; readonly query: Readonly<Record<string, string>> };

/** A message to send, and the topics it asks for. `request` is the id that the answer will carry, where there is one. */
export type OutgoingMessage = {
  readonly text: string;
  readonly topics: readonly string[];
  readonly request?: string | undefined;
};
