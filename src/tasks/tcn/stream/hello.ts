import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  type Hello,
  HelloSchema,
  STREAM_PROTOCOL,
  type StreamGaps,
  type StreamOutputs,
  type StreamSmoothing,
} from '../../../core/stream-hello.ts';
import type { Location } from '../refusal.ts';
import { refuse } from '../refusal.ts';
import { type Columns, toColumns } from './columns.ts';
import { locationOf } from './location.ts';

/** What a client declared, with what is in force where it said nothing. */
export interface StreamSettings {
  readonly name: string;
  readonly rateHz: number;
  readonly columns: Columns;
  readonly hop: number;
  /** null: as configured. */
  readonly maxAgeMs: number | null;
  readonly outputs: Required<Static<typeof StreamOutputs>>;
  readonly smoothing: Required<Static<typeof StreamSmoothing>>;
  readonly gaps: Required<Static<typeof StreamGaps>>;
}

const DEFAULT_HOP = 25;
const OUTPUTS = { latent: false, motif_scores: true, top_k: 1 };
const SMOOTHING = { tau_ms: 0, hysteresis: 0, dwell_ms: 0 };
const GAPS = { policy: 'restart', max_ms: 100, reorder_ms: 100 } as const;

const hello = Compile(HelloSchema);
/** What the validator says of a key that the schema does not have. */
const UNKNOWN_KEY = 'schema is false';

/** @throws SidecarError INVALID_INPUT that names the first thing that is wrong */
export function readHello(message: unknown): Hello {
  if (!hello.Check(message)) return refuseHello(hello.Errors(message));
  const { protocol = STREAM_PROTOCOL } = message as Hello;
  if (protocol === STREAM_PROTOCOL) return message as Hello;
  return refuse('value_error', ['hello', 'protocol'], `This daemon speaks ${STREAM_PROTOCOL}`, protocol);
}

interface Fault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

function refuseHello(faults: readonly Fault[]): never {
  const [first] = faults;
  return refuse('value_error', ['hello', ...locationOf(first?.instancePath)], toSentence(first, faults));
}

/** The validator tells of each allowed value apart. */
function toSentence(first: Fault | undefined, faults: readonly Fault[]): string {
  if (first === undefined) return 'is not valid';
  if (first.message === UNKNOWN_KEY) return 'There is no such key';
  if (first.keyword !== 'const') return first.message;
  const isAllowed = ({ keyword, instancePath }: Fault) => keyword === 'const' && instancePath === first.instancePath;
  return `must be ${faults
    .filter(isAllowed)
    .map(({ params }) => (params as { allowedValue: string }).allowedValue)
    .join(', ')}`;
}

/** @throws SidecarError INVALID_INPUT for channels that do not make a sample, and where nothing is to be told */
export function toStreamSettings(said: Hello): StreamSettings {
  const settings: StreamSettings = {
    name: (said.name ?? '').replace(/[^\x20-\x7e]/g, '?'),
    rateHz: said.rate_hz,
    columns: toColumns(said.channels, said.units),
    hop: said.hop ?? DEFAULT_HOP,
    maxAgeMs: said.max_age_ms ?? null,
    outputs: { ...OUTPUTS, ...said.outputs },
    smoothing: { ...SMOOTHING, ...said.smoothing },
    gaps: { ...GAPS, ...said.gaps },
  };
  const { latent, motif_scores, top_k } = settings.outputs;
  const loc: Location = ['hello', 'outputs'];
  if (!latent && !motif_scores && top_k === 0) return refuse('value_error', loc, 'Nothing is asked for');
  return settings;
}

/** Whether results need motif scores. */
export function wantsMotifs({ outputs }: StreamSettings): boolean {
  return outputs.motif_scores || outputs.top_k > 0;
}

/** Whether a stream may go on under what was declared now. */
export function isSameSettings(a: StreamSettings, b: StreamSettings): boolean {
  const text = (settings: StreamSettings) => JSON.stringify({ ...settings, name: '' });
  return text(a) === text(b);
}
