import { SidecarError } from '../../core/errors.ts';
import { explainStatus, statusName } from './statuses.ts';

/** A call of libhailort that did not succeed. */
export class HailoError extends SidecarError {
  readonly call: string;
  readonly status: number;

  constructor(call: string, status: number) {
    super('BACKEND_UNAVAILABLE', explainStatus(call, status));
    this.call = call;
    this.status = status;
  }

  get statusName(): string {
    return statusName(this.status);
  }
}
