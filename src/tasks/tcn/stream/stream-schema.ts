import type { TSchema } from 'typebox';
import {
  DroppedSchema,
  EndedSchema,
  ErrorSchema,
  GapSchema,
  NoticeSchema,
  ReadySchema,
  ResultSchema,
} from '../../../core/stream-events.ts';
import { EndSchema, HelloSchema, SamplesSchema } from '../../../core/stream-hello.ts';

export const CLIENT_MESSAGES = { hello: HelloSchema, samples: SamplesSchema, end: EndSchema } as const;
export const SERVER_MESSAGES = {
  ready: ReadySchema,
  result: ResultSchema,
  gap: GapSchema,
  dropped: DroppedSchema,
  notice: NoticeSchema,
  error: ErrorSchema,
  ended: EndedSchema,
} as const;

export type MessageType = keyof typeof CLIENT_MESSAGES | keyof typeof SERVER_MESSAGES;

/** Every message of a stream as one JSON Schema: the very objects that validate, so the two cannot drift apart. */
export function createStreamSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Messages of a stream',
    description: 'A client says clientMessage, the daemon serverMessage; the type of a message tells which it is.',
    oneOf: [{ $ref: '#/$defs/clientMessage' }, { $ref: '#/$defs/serverMessage' }],
    $defs: {
      clientMessage: oneOf(CLIENT_MESSAGES),
      serverMessage: oneOf(SERVER_MESSAGES),
      ...CLIENT_MESSAGES,
      ...SERVER_MESSAGES,
    },
  };
}

function oneOf(messages: Readonly<Record<string, TSchema>>): object {
  return { oneOf: Object.keys(messages).map((type) => ({ $ref: `#/$defs/${type}` })) };
}
