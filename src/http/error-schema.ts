import { Type } from 'typebox';

/** The one form of every error body. */
export const ErrorSchema = Type.Object({
  error: Type.Object({ code: Type.String(), message: Type.String() }),
  detail: Type.Union([
    Type.String({ description: 'One sentence, for every status but 422.' }),
    Type.Array(
      Type.Object({
        type: Type.String(),
        loc: Type.Array(Type.Union([Type.String(), Type.Integer()])),
        msg: Type.String(),
        input: Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
      }),
      { description: 'For 422: what is wrong, where; the first entry is the first fault.' },
    ),
  ]),
});
