import { type ErrorCode, SidecarError } from '../core/errors.ts';
import type { Header } from '../core/task.ts';

/** An error that says in headers what the client may do about it. */
export class Refusal extends SidecarError {
  readonly headers: readonly Header[];

  constructor(code: ErrorCode, detail: string, headers: readonly Header[]) {
    super(code, detail);
    this.headers = headers;
  }
}

export function methodNotAllowed(allow: string): Refusal {
  return new Refusal('METHOD_NOT_ALLOWED', `This path answers ${allow} only.`, [['Allow', allow]]);
}
