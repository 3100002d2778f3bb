/** The exit codes: the contract of every command. */
export const EXIT = { done: 0, failure: 1, usage: 2, incomplete: 3, unsafe: 4, unreachable: 5, forced: 130 } as const;

/**
 * An error whose message is meant for the user: one line that says what was expected, what was found and what to do.
 * The process ends with `exitCode`.
 */
export class MdtoolError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/** Something outside failed: a file, a disk, a tape, a statement. Exit 1. */
export class FailureError extends MdtoolError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, EXIT.failure, options);
  }
}

/** The command line, the configuration or the environment asks for something that does not exist. Exit 2. */
export class UsageError extends MdtoolError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, EXIT.usage, options);
  }
}

/** An exchange cannot be reached or refuses. Exit 5. */
export class UnreachableError extends MdtoolError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, EXIT.unreachable, options);
  }
}

/** A limit was reached, or going on is not safe. Exit 4. */
export class LimitError extends MdtoolError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, EXIT.unsafe, options);
  }
}
