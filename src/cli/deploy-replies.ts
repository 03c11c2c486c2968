import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { ERRORS, type ErrorCode, SidecarError } from '../core/errors.ts';
import { toPlain } from './deploy-quote.ts';
import type { Outcome } from './deploy-ssh.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/**
 * What "model … --json" prints, as far as deploy relies on it. Without a daemon the same commands tell and change the
 * store alone: then there is nothing to time, and nobody who counts the seconds and requests of a probation.
 */
const Gate = Type.Object({
  name: Type.String(),
  /** null: no verdict, but something to mind. */
  ok: Nullable(Type.Boolean()),
  text: Type.String(),
});
export type Gate = Static<typeof Gate>;

export const InstallReply = Type.Object({ ok: Type.Literal(true), model: Type.String(), alreadyThere: Type.Boolean() });

export const ActivateReply = Type.Object({
  ok: Type.Literal(true),
  active: Type.String(),
  /** false: no daemon took part in it. */
  running: Type.Optional(Nullable(Type.Boolean())),
  gates: Type.Array(Gate),
  probation: Nullable(Type.Object({ seconds: Nullable(Type.Number()) })),
});
export type ActivateReply = Static<typeof ActivateReply>;

export const RollbackReply = Type.Object({
  ok: Type.Literal(true),
  active: Type.String(),
  /** What it took; only of a daemon. */
  ms: Type.Optional(Type.Number()),
});

const Figure = Type.Optional(Nullable(Type.Number()));
export const ListReply = Type.Object({
  ok: Type.Literal(true),
  /** null: there is a daemon that this user may not ask. */
  running: Nullable(Type.Boolean()),
  active: Type.String(),
  previous: Nullable(Type.String()),
  probation: Nullable(
    Type.Object({
      ref: Type.String(),
      phase: Type.String(),
      remaining_s: Figure,
      requests: Figure,
      error_ratio: Figure,
    }),
  ),
  refused: Type.Array(Type.Object({ ref: Type.String(), why: Type.String(), at: Type.Optional(Type.String()) })),
});
export type ListReply = Static<typeof ListReply>;

const FailureReply = Type.Object({
  ok: Type.Literal(false),
  error: Type.Object({ code: Type.String(), message: Type.String() }),
  gates: Type.Optional(Type.Array(Gate)),
});

/** The other side's own refusal, with the gates that it tried, if any. */
export class RemoteRefusal extends SidecarError {
  readonly gates: readonly Gate[];

  constructor(code: ErrorCode, sentence: string, gates: readonly Gate[]) {
    super(code, sentence);
    this.gates = gates;
  }
}

/** The reply in a command's output; throws RemoteRefusal when it is one, UNAVAILABLE when it makes no sense. */
export function parseReply<T extends TSchema>(schema: T, outcome: Outcome): Static<T> {
  const reply = parseJson(outcome.stdout);
  if (outcome.status === 0 && Value.Check(schema, reply)) return reply as Static<T>;
  if (Value.Check(FailureReply, reply)) {
    const { error, gates = [] } = reply;
    throw new RemoteRefusal(toCode(error.code), error.message, gates);
  }
  throw toFailure(outcome);
}

/** Of a command whose output is no reply: how it ended, in the words of the other side. */
export function toFailure({ status, stdout, stderr }: Outcome, who = 'it'): SidecarError {
  const said = toPlain(stderr.slice(-400)) || toPlain(stdout.slice(-400)) || 'nothing';
  return new SidecarError('UNAVAILABLE', `${who} ended with status ${status} and said: ${said}`);
}

/** A login shell may greet on stdout before the program speaks; and what it speaks of may name anything. */
function parseJson(text: string): unknown {
  const start = /^\{/m.exec(text)?.index ?? 0;
  try {
    return JSON.parse(text.slice(start), (_key, value) => (typeof value === 'string' ? toPlain(value) : value));
  } catch {
    return undefined;
  }
}

/** A newer program may have codes of its own; and a fault there is none of this program. */
function toCode(code: string): ErrorCode {
  return Object.hasOwn(ERRORS, code) && code !== 'INTERNAL' ? (code as ErrorCode) : 'UNAVAILABLE';
}
