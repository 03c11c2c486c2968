import { SidecarError } from '../core/errors.ts';

/** A word as a POSIX shell reads it back unchanged; always quoted, so that no alias or keyword is found in it. */
export function quoteWord(word: string): string {
  if (word.includes('\0')) throw new SidecarError('USAGE', `A word for the remote shell contains a zero byte.`);
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Words as one command line for a POSIX shell. */
export function toCommandLine(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

/** Text from another machine in one line without anything that steers a terminal, at most 400 characters. */
export function toPlain(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return plain.length <= 400 ? plain : `${plain.slice(0, 399)}…`;
}
