import type { ModelSource } from '../../core/backend.ts';
import { SidecarError } from '../../core/errors.ts';
import { sizeOf, type TensorSpec } from '../../core/tensor.ts';
import type { Abi } from './abi.ts';

/** What a .hef says of one of its inputs or outputs. */
export interface VstreamInfo {
  readonly name: string;
  readonly isInput: boolean;
  /** height, width, features. */
  readonly shape: readonly [number, number, number];
  /** How the library orders the numbers. */
  readonly order: number;
  /** Step of the quantisation. */
  readonly scale: number;
}

/** One vstream with the model's tensor that crosses it. */
export interface VstreamPlan {
  readonly name: string;
  readonly tensor: TensorSpec;
}

/** Which vstream carries which tensor; both sides are flat float32 in the same order. */
export interface Crossing {
  readonly input: VstreamPlan;
  readonly outputs: readonly VstreamPlan[];
  /** The device has the window's columns before its rows. */
  readonly isTransposed: boolean;
}

/** The infos as the library wrote them, one after the other. */
export function decodeVstreamInfos(bytes: Buffer, count: number, abi: Abi): VstreamInfo[] {
  return Array.from({ length: count }, (_, i) => {
    const info = bytes.subarray(i * abi.vstreamInfoBytes, (i + 1) * abi.vstreamInfoBytes);
    return {
      name: textOf(info, 0, 128),
      isInput: info.readInt32LE(388) === 0,
      shape: [info.readUInt32LE(404), info.readUInt32LE(408), info.readUInt32LE(412)],
      order: info.readInt32LE(396),
      scale: info.readFloatLE(abi.vstreamQuantAt + 4),
    };
  });
}

/** A C string in a field of fixed size. */
export function textOf(bytes: Buffer, at: number, size: number): string {
  const field = bytes.subarray(at, at + size);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end === -1 ? size : end);
}

/** Orders of a list of detections, whose length is its own; everything else is a tensor. */
const DETECTIONS = new Set([9, 20, 21, 22, 23]);

function noTensor({ id }: CrossingSource, infos: readonly VstreamInfo[]): SidecarError {
  const names = infos.map(({ name }) => name).join(', ');
  const sentence = `The .hef of ${id} gives detections, not a tensor, in ${names}: compile it without non-maximum suppression.`;
  return new SidecarError('MODEL_INVALID', sentence);
}

function noScale({ id }: CrossingSource, { name, scale }: VstreamInfo): SidecarError {
  const sentence = `The .hef of ${id} states a quantisation step of ${scale} for ${name}, which is none: compile it again.`;
  return new SidecarError('MODEL_INVALID', sentence);
}

/** All that the check of a .hef against its manifest needs. */
export type CrossingSource = Pick<ModelSource, 'id' | 'input' | 'outputs'> & {
  /** Shape in which the .hef takes the window, e.g. [100, 9, 1]; null: as the manifest's input without ones. */
  readonly inputLayout: readonly number[] | null;
  /** Tensor → vstream, where the .hef names it otherwise. */
  readonly vstreams: Readonly<Record<string, string>>;
};

/**
 * Finds the vstream of each tensor: by the manifest's own word, else by equal name, with or without the network's name
 * before it.
 *
 * @throws SidecarError MODEL_INVALID, its message shows both sides
 */
export function planCrossing(source: CrossingSource, infos: readonly VstreamInfo[]): Crossing {
  const lists = infos.filter(({ order }) => DETECTIONS.has(order));
  if (lists.length > 0) throw noTensor(source, lists);
  const unscaled = infos.find(({ scale }) => !Number.isFinite(scale) || scale < 0);
  if (unscaled !== undefined) throw noScale(source, unscaled);
  const inputs = infos.filter((info) => info.isInput);
  const outputs = infos.filter((info) => !info.isInput);
  const input = find(source, source.input, inputs);
  const planned = source.outputs.map((tensor) => find(source, tensor, outputs));
  const layout = input && source.inputLayout !== null && !isSame(input.shape, source.inputLayout) ? null : input?.shape;
  const isTransposed = layout && transposition(source.input.shape, layout);
  const fits =
    inputs.length === 1 &&
    outputs.length === planned.length &&
    planned.every((info, i) => {
      return info !== undefined && product(info.shape) === sizeOf(source.outputs[i]!);
    });
  if (input === undefined || isTransposed === null || isTransposed === undefined || !fits)
    throw disagree(source, infos);
  return {
    input: { name: input.name, tensor: source.input },
    outputs: planned.map((info, i) => ({ name: info!.name, tensor: source.outputs[i]! })),
    isTransposed,
  };
}

function find(source: CrossingSource, tensor: TensorSpec, infos: readonly VstreamInfo[]): VstreamInfo | undefined {
  const wanted = source.vstreams[tensor.name] ?? tensor.name;
  return infos.find(({ name }) => name === wanted) ?? infos.find(({ name }) => name.endsWith(`/${wanted}`));
}

/** False: the same order; true: columns before rows; null: neither. Sides of one change no order. */
function transposition(tensor: readonly number[], layout: readonly number[]): boolean | null {
  const [from, to] = [tensor, layout].map((shape) => shape.filter((side) => side !== 1)) as [number[], number[]];
  if (isSame(from, to)) return false;
  return from.length === 2 && isSame(from.toReversed(), to) ? true : null;
}

const product = (shape: readonly number[]) => shape.reduce((size, side) => size * side, 1);
const isSame = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((side, i) => side === b[i]);

/** For a person: which vstream takes the window, which give the outputs. */
export function showCrossing({ input, outputs, isTransposed }: Crossing): string {
  const order = isTransposed ? ' (columns first)' : '';
  return `${input.name}${order} → ${outputs.map(({ name }) => name).join(', ')}, as the manifest says`;
}

function disagree(source: CrossingSource, infos: readonly VstreamInfo[]): SidecarError {
  const show = (name: string, shape: readonly number[]) => `${source.vstreams[name] ?? name} [${shape.join(',')}]`;
  const layout = source.inputLayout ?? source.input.shape;
  const manifest = `${show(source.input.name, layout)} → ${source.outputs.map(({ name, shape }) => show(name, shape)).join(', ')}`;
  const side = (isInput: boolean) =>
    infos.filter((info) => info.isInput === isInput).map(({ name, shape }) => `${name} [${shape.join(',')}]`);
  const file = `${side(true).join(', ')} → ${side(false).join(', ')}`;
  return new SidecarError(
    'MODEL_INVALID',
    `The manifest of ${source.id} and its .hef disagree. Manifest: ${manifest}. File: ${file}. Correct input_layout or vstreams of the artefact, or compile the model again.`,
  );
}
