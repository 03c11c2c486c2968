import { messageOf } from '../core/errors.ts';
import { type Gate, RemoteRefusal } from './deploy-replies.ts';
import type { Io } from './io.ts';
import { toGateMark } from './store-deps.ts';

/** What came of one step. */
export interface StepRecord {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly text: string;
  readonly gates?: readonly Gate[];
}

/** What a step that did not fail tells, and what the next ones need of it. */
export interface Told<T> {
  readonly text: string;
  readonly value: T;
  readonly state?: 'ok' | 'warning';
  readonly gates?: readonly Gate[];
}

export interface Steps {
  readonly records: readonly StepRecord[];
  /** Does one step and prints its line; what it throws is printed too, and thrown on. */
  take<T>(name: string, action: () => Promise<Told<T>>): Promise<T>;
  /** A line for what was not done, or needs a look. */
  note(record: StepRecord): void;
}

const MARKS = { ok: '✓', warning: '!', failed: '✗', skipped: '-' } as const;

export function createSteps(io: Io, isJson: boolean): Steps {
  const records: StepRecord[] = [];
  const note = (record: StepRecord) => {
    records.push(record);
    if (!isJson) print(io, record);
  };
  return {
    records,
    note,
    take: async (name, action) => {
      try {
        const { value, ...told } = await action();
        note({ name, state: 'ok', ...told });
        return value;
      } catch (thrown) {
        const gates = thrown instanceof RemoteRefusal && thrown.gates.length > 0 ? { gates: thrown.gates } : {};
        note({ name, state: 'failed', text: messageOf(thrown), ...gates });
        throw thrown;
      }
    },
  };
}

function print(io: Io, { name, state, text, gates = [] }: StepRecord): void {
  const { green, yellow, red, dim } = io.colour;
  const paints = { ok: green, warning: yellow, failed: red, skipped: dim };
  io.out(`${paints[state](MARKS[state])} ${name}: ${text}`);
  for (const gate of gates) io.out(`    ${toGateMark(io, gate)} gate ${gate.name}: ${gate.text}`);
}
