/** How one check ended: `fail` means that a step will fail, `warn` that one may. */
export type Status = 'ok' | 'warn' | 'fail';

/** The result of one check: what was looked at, and one sentence about it. */
export type Finding = { readonly status: Status; readonly check: string; readonly text: string };

export function ok(check: string, text: string): Finding {
  return { status: 'ok', check, text };
}

export function warn(check: string, text: string): Finding {
  return { status: 'warn', check, text };
}

export function fail(check: string, text: string): Finding {
  return { status: 'fail', check, text };
}
