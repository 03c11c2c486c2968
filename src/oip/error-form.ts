import type { SidecarError } from '../core/errors.ts';
import type { ErrorForm } from '../core/task.ts';

const OFFERED =
  'Below /v2 there is the Open Inference Protocol with the extension binary_tensor_data, and no other extension.';

/** {"error": sentence}, with 400 for what the rest of the program calls unprocessable. */
export const ERROR_FORM: ErrorForm = {
  prefix: '/v2',
  toError: (error) => ({
    status: error.rule.http === 422 ? 400 : error.rule.http,
    body: JSON.stringify({ error: toSentence(error) }),
  }),
};

/** Clients of larger servers ask for model configurations, statistics, repositories: they should read why not. */
function toSentence({ code, message }: SidecarError): string {
  return code === 'NOT_FOUND' ? `There is nothing at this path. ${OFFERED}` : message;
}
