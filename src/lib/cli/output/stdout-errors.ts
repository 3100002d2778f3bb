/**
 * Replaces oclif's listener for errors of stdout, which throws all but EPIPE out of the event loop: a full disk would end
 * the process with a stack trace. Whoever writes learns of the error from its own listener and tells it in one line.
 */
export function takeOverStdoutErrors(): void {
  process.stdout.removeAllListeners('error');
  process.stdout.on('error', () => {});
}
