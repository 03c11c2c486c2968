import type { Call, Reply } from '../core/task.ts';
import { toInputs } from './inputs.ts';
import { type OipParts, servedTo } from './parts.ts';
import { toReply } from './reply.ts';
import { LENGTH_HEADER, readRequest } from './request.ts';
import { createSurfaces } from './surface.ts';

const LENGTH = LENGTH_HEADER.toLowerCase();

/** One inference: body → order and tensors → the task → body. */
export function createInfer(parts: OipParts): (call: Call) => Promise<Reply> {
  const surfaceOf = createSurfaces();
  return async (call) => {
    const model = servedTo(call, parts);
    parts.tensors.enter(call);
    const surface = surfaceOf(model, parts.tensors.signature(model), parts.settings().maxBatchWindows);
    const { order, id, jsonBytes } = readRequest(call.body, call.header(LENGTH), surface);
    const inputs = toInputs(order, call.body, jsonBytes);
    const prediction = await parts.tensors.predict(call, model, inputs, { isNormalised: order.isNormalised });
    return toReply(prediction, order, id, surface);
  };
}
