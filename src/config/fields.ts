import { type TSchema, Type } from 'typebox';

/** An unknown key is an error everywhere. */
export const closed = { additionalProperties: false } as const;
/** What every key must have: its default, and the sentence that documents it. */
export type Text = { readonly description: string; readonly default: unknown };

export const whole = (minimum: number, maximum: number, text: Text) => Type.Integer({ minimum, maximum, ...text });
export const flag = (text: Text) => Type.Boolean(text);
export const orNull = <T extends TSchema>(schema: T, text: Text) => Type.Union([Type.Null(), schema], text);
export const oneOf = <const T extends readonly string[]>(values: T, text: Text) =>
  Type.Unsafe<T[number]>(Type.Enum(values, text));

/** `rule` finishes the sentence "must be …"; without it a pattern would have to explain itself. */
export const matching = (pattern: string, rule: string, maxLength = 4096, text: Partial<Text> = {}) =>
  Type.String({ minLength: 1, maxLength, pattern, rule, ...text });

// A path in a file cannot be relative: nobody knows what a service's current directory is.
export const AbsolutePath = matching('^/[^\\u0000-\\u001f]*$', 'an absolute path');
export const SocketPath = matching('^/[^\\u0000-\\u001f]*$', 'an absolute path of at most 107 characters', 107);
