import type { HttpRequest } from './requests.js';

/** The maximum number of requests within any span of `within` milliseconds. */
export type RequestLimit = { readonly requests: number; readonly within: number };

/** A raw answer; names of headers are lower-case. */
export type RestAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
};

/**
 * What an answer is: data; a refusal of the rate, after which the endpoint or the whole host must get no request for
 * `pause` milliseconds; a fault that may pass; or a refusal that will not.
 */
export type RestVerdict =
  | { readonly kind: 'data' }
  | {
      readonly kind: 'throttled';
      readonly scope: 'endpoint' | 'host';
      readonly pause: number;
      /** Whether the pause is ours, because the answer names none. */
      readonly isEstimate?: boolean | undefined;
      readonly reason: string;
    }
  | { readonly kind: 'fault' | 'refusal'; readonly reason: string };

/** How an exchange wants its REST interface to be used. */
export type RestRules = {
  /** For all requests of one IP address. */
  readonly host: RequestLimit;
  /** Returns the limit of a request's endpoint (its path), undefined where only that of the host counts. */
  limit(request: HttpRequest): RequestLimit | undefined;
  /** Returns what an answer is; `now` is milliseconds since the epoch. */
  judge(answer: RestAnswer, now: number): RestVerdict;
};
