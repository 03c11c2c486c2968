import type { StreamPeer } from './stream-peer.ts';
import type { Conversation } from './stream-shots.ts';

/** What a client may be told at the end; after each of these but the first and 1009 its last message says why. */
const CODES = new Set([1000, 1007, 1008, 1009, 1013]);
/** A name or a value of the client's may be in a sentence, not a screenful of them. */
const LONGEST_MESSAGE = 1000;

/** @throws when what came is not what a daemon may say */
export function checkTalk(
  { messages, faults, close, isGone }: StreamPeer,
  { pieces, farewell }: Conversation,
  isMessage: (message: unknown) => boolean,
): void {
  if (faults.length > 0) throw new Error(faults.join('; '));
  const wrong = messages.find((message) => !isMessage(message));
  if (wrong !== undefined) throw new Error(`not by the schema: ${JSON.stringify(wrong).slice(0, 500)}`);
  const long = messages.find(({ type, error }) => type === 'error' && error.message.length > LONGEST_MESSAGE);
  if (long !== undefined)
    throw new Error(`${long.error.message.length} characters: ${long.error.message.slice(0, 100)}`);
  if (messages.some(({ error }) => error?.code === 'INTERNAL')) throw new Error('a fault of ours');
  checkWindows(messages);
  const isAnswer = farewell === 'close' && close?.code === 1000;
  if (!isAnswer && pieces.every(({ isWhole }) => isWhole)) checkClose({ messages, close, isGone });
}

function checkWindows(messages: StreamPeer['messages']): void {
  let [last, dropped] = [-1, 0];
  for (const one of messages) {
    if (one.type !== 'result') continue;
    if (one.window <= last || one.dropped < dropped) throw new Error(`window ${one.window} after ${last}`);
    last = one.window;
    dropped = one.dropped;
  }
}

function checkClose({ messages, close, isGone }: Pick<StreamPeer, 'messages' | 'close' | 'isGone'>): void {
  if (close === null && isGone) throw new Error('it was cut off without a close frame');
  if (close === null) return;
  const { code, reason } = close;
  if (!CODES.has(code)) throw new Error(`closed with ${code} ${reason}`);
  const last = messages.at(-1);
  if (code === 1000 && last?.type !== 'ended') throw new Error(`closed after ${last?.type}`);
  if (code === 1000 || code === 1009) return;
  if (last?.type !== 'error' || last.close !== code)
    throw new Error(`closed with ${code} after ${JSON.stringify(last)}`);
  if (!reason.startsWith(`${last.error.code}: `)) throw new Error(`the reason is ${reason}`);
}
