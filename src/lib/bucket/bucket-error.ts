import { FailureError } from '../model/errors.js';

/** A bucket that cannot be reached, or that refuses. Exit 1, as a disk that cannot be written. */
export class BucketError extends FailureError {
  /** Whether the same request may succeed later: the network or the server failed, not the request. */
  readonly isOutage: boolean;

  constructor(message: string, isOutage: boolean, options?: ErrorOptions) {
    super(message, options);
    this.isOutage = isOutage;
  }
}

/** Returns what to do about an error code of S3. */
export function remedyOf(code: string | undefined, bucket: string): string {
  switch (code) {
    case 'NoSuchBucket':
      return `create the bucket ${bucket} first`;
    case 'AccessDenied':
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'ExpiredToken':
      return 'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the rights of the key';
    case 'AuthorizationHeaderMalformed':
    case 'PermanentRedirect':
      return 'set AWS_REGION to the region of the bucket';
    case 'RequestTimeTooSkewed':
      return 'set the clock of this machine';
    default:
      return 'see the documents of the server';
  }
}
