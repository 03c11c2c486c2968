import { type TensorSpec, VALUE_BYTES } from '../core/tensor.ts';
import { type Fields, readBoolean, readList, readParameters, toFields } from './fields.ts';
import { listNames, refuse, show } from './refusal.ts';
import type { Signature, Surface } from './surface.ts';
import { checkDatatype, DATATYPE, findSpec, readItems, valuesPerItem } from './tensor-header.ts';

/** What a request asks for, checked against the model; without the binary data. */
export interface Order {
  /** null when the client sent none. */
  readonly id: string | null;
  readonly inputs: readonly OrderedInput[];
  /** In the order of the reply. */
  readonly outputs: readonly OrderedOutput[];
  /** What must follow the JSON. */
  readonly binaryBytes: number;
  readonly isNormalised: boolean;
  /** The reply's JSON but for brace and id, where no numbers are in it. */
  readonly tail: string | null;
}

export interface OrderedInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: number;
  /** null: it is among the binary data. */
  readonly data: readonly unknown[] | null;
}

export interface OrderedOutput {
  readonly name: string;
  readonly values: number;
  readonly isBinary: boolean;
  /** Its entry in the reply's JSON, up to the numbers if there are any. */
  readonly text: string;
}

/** Ids come back in replies and stand in nobody's way. */
const LONGEST_ID = 1024;

/** The JSON of a request. @throws SidecarError INVALID_INPUT that names the place */
export function readOrder(json: unknown, surface: Surface): Order {
  const fields = toFields(json, 'The request');
  const parameters = readParameters(fields, '');
  const inputs = readInputs(fields, surface);
  const items = inputs[0]!.shape[0]!;
  const isBinary = readBoolean(parameters, 'binary_data_output', 'parameters') ?? false;
  const isNormalised = readBoolean(parameters, 'normalized', 'parameters') ?? false;
  return toOrder(readId(fields), inputs, readOutputs(fields, surface, items, isBinary), isNormalised, surface);
}

/** Nothing but the bytes of the one input: all that the protocol's JSON would say follows from their number. */
export function toRawOrder(bytes: number, surface: Surface): Order {
  const [input, ...others] = surface.inputs as [TensorSpec, ...TensorSpec[]];
  if (others.length > 0) refuse('', 'A request without JSON is for models with one input.');
  const itemBytes = valuesPerItem(input) * VALUE_BYTES;
  const items = bytes / itemBytes;
  if (!Number.isInteger(items) || items < 1 || items > surface.maxItems) {
    refuse('', `A request without JSON has 1 to ${surface.maxItems} times ${itemBytes} bytes, this one ${bytes}.`);
  }
  const ordered = {
    name: input.name,
    shape: [items, ...input.shape.slice(1)],
    values: bytes / VALUE_BYTES,
    data: null,
  };
  const outputs = surface.outputs.map((spec) => toOutput(spec, items, true));
  return toOrder(null, [ordered], outputs, false, surface);
}

function toOrder(
  id: string | null,
  inputs: readonly OrderedInput[],
  outputs: readonly OrderedOutput[],
  isNormalised: boolean,
  { opening }: Surface,
): Order {
  const binaryBytes = inputs.reduce((sum, { data, values }) => sum + (data === null ? values * VALUE_BYTES : 0), 0);
  const isPlain = outputs.every(({ isBinary }) => isBinary);
  const tail = isPlain ? `${opening}${outputs.map(({ text }) => text).join(',')}]}` : null;
  return { id, inputs, outputs, binaryBytes, isNormalised, tail };
}

function readId({ id }: Fields): string | null {
  if (id === undefined || id === null) return null;
  if (typeof id !== 'string') return refuse('id', `this must be a string, not ${show(id)}`);
  return id.length <= LONGEST_ID ? id : refuse('id', `this is longer than ${LONGEST_ID} characters`);
}

function readInputs(fields: Fields, { inputs: specs, maxItems }: Surface): readonly OrderedInput[] {
  const list = readList(fields, 'inputs') ?? [];
  if (list.length > specs.length) {
    refuse('inputs', `these are ${list.length}, the model takes ${specs.length}: ${listNames(specs)}`);
  }
  const seen = new Set<string>();
  const inputs = list.map((entry, i) => readInput(toFields(entry, `inputs[${i}]`), i, specs, seen, maxItems));
  const missing = specs.filter(({ name }) => !seen.has(name));
  if (missing.length > 0) refuse('inputs', `the model also needs ${listNames(missing)}`);
  const odd = inputs.findIndex(({ shape }) => shape[0] !== inputs[0]!.shape[0]);
  if (odd !== -1) refuse(`inputs[${odd}].shape[0]`, 'this differs from the first input');
  return inputs;
}

function readInput(
  fields: Fields,
  index: number,
  specs: Signature['inputs'],
  seen: Set<string>,
  maxItems: number,
): OrderedInput {
  const where = `inputs[${index}]`;
  const spec = findSpec(fields, 'input', specs, seen, where);
  checkDatatype(fields, where);
  const items = readItems(fields, spec, maxItems, where);
  const values = items * valuesPerItem(spec);
  const shape = [items, ...spec.shape.slice(1)];
  return { name: spec.name, shape, values, data: readData(fields, values, where) };
}

/** The numbers in the JSON, or null for those that follow it. */
function readData(fields: Fields, values: number, where: string): readonly unknown[] | null {
  const parameters = readParameters(fields, `${where}.`);
  refuseSharedMemory(parameters, where);
  const { binary_data_size: size = null } = parameters;
  const data = fields.data ?? null;
  if (size === null && data === null) return refuse(where, 'it has neither data nor parameters.binary_data_size');
  if (size !== null && data !== null) return refuse(where, 'it has both data and parameters.binary_data_size');
  if (size === null)
    return Array.isArray(data) ? data : refuse(`${where}.data`, `this must be a list, not ${show(data)}`);
  const bytes = values * VALUE_BYTES;
  if (size === bytes) return null;
  return refuse(`${where}.parameters.binary_data_size`, `the shape says ${bytes}, this says ${show(size)}`);
}

function readOutputs(fields: Fields, { outputs: specs }: Surface, items: number, isBinary: boolean): OrderedOutput[] {
  const list = readList(fields, 'outputs') ?? [];
  if (list.length === 0) return specs.map((spec) => toOutput(spec, items, isBinary));
  if (list.length > specs.length) {
    refuse('outputs', `these are ${list.length}, the model gives ${specs.length}: ${listNames(specs)}`);
  }
  const seen = new Set<string>();
  return list.map((entry, i) => {
    const where = `outputs[${i}]`;
    const wanted = toFields(entry, where);
    const spec = findSpec(wanted, 'output', specs, seen, where);
    const parameters = readParameters(wanted, `${where}.`);
    refuseSharedMemory(parameters, where);
    if ('classification' in parameters) {
      refuse(`${where}.parameters.classification`, 'classification is not offered: ask for the tensor itself');
    }
    return toOutput(spec, items, readBoolean(parameters, 'binary_data', `${where}.parameters`) ?? isBinary);
  });
}

/** Data is read and written where the client cannot see whether it was: nothing to pass over in silence. */
function refuseSharedMemory(parameters: Fields, where: string): void {
  if ('shared_memory_region' in parameters) {
    refuse(`${where}.parameters.shared_memory_region`, 'shared memory is not offered: send and take the data itself');
  }
}

function toOutput(spec: TensorSpec, items: number, isBinary: boolean): OrderedOutput {
  const values = items * valuesPerItem(spec);
  const shape = JSON.stringify([items, ...spec.shape.slice(1)]);
  const rest = isBinary ? `"parameters":{"binary_data_size":${values * VALUE_BYTES}}}` : '"data":[';
  const text = `{"name":${JSON.stringify(spec.name)},"datatype":"${DATATYPE}","shape":${shape},${rest}`;
  return { name: spec.name, values, isBinary, text };
}
