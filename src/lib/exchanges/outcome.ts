/**
 * What an answer to a signed request means. Of a write only `success`, `no-change`, `definite`, `gone`, `duplicate`, `busy`,
 * `throttle`, `ban`, `key`, `clock` and `region` say what became of it; after everything else it must be looked up.
 */
export type OutcomeClass =
  | 'success'
  /** What was asked for is so already. */
  | 'no-change'
  /** Refused, nothing was placed or changed. */
  | 'definite'
  /** The order is not there, or finished: read it, do not assume. */
  | 'gone'
  /** An order with this client id exists: look it up. */
  | 'duplicate'
  /** The order is being processed: read it, try again after a second. */
  | 'busy'
  /** Too many requests to an endpoint; nothing was placed. */
  | 'throttle'
  /** Too many requests from this address; nothing was placed. */
  | 'ban'
  | 'maintenance'
  /** The key cannot be used for this. */
  | 'key'
  /** The timestamp was refused; nothing was placed. */
  | 'clock'
  /** The exchange does not serve this place, or terms must be accepted on its site. */
  | 'region'
  | 'unknown';

/** Why a request was refused, where the class alone does not say. */
export type OutcomeCause =
  | 'funds'
  | 'price'
  | 'amount'
  | 'count'
  | 'risk'
  | 'position'
  | 'reduce-only'
  | 'state'
  | 'symbol'
  | 'request'
  | 'invalid'
  | 'permission'
  | 'ip'
  | 'expired'
  | 'environment'
  | 'family'
  | 'terms';

export type Outcome = {
  readonly class: OutcomeClass;
  readonly cause?: OutcomeCause | undefined;
  readonly code?: string | undefined;
  /** The answer in one line: status, code and the exchange's own words. */
  readonly message: string;
  /** Milliseconds of silence that the answer asks for. */
  readonly pause?: number | undefined;
};
