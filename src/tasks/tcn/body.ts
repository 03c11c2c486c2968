import { LONGEST_NUMBER, writeNumbers, writeText } from './shortest.ts';

/** Where bodies are put together; each is copied out before anybody else can write. */
let work = new Uint8Array(4096);

/** `{"latent":[…],"motif_scores":[…]}` */
export function toInferBody(latent: Float32Array, scores: Float32Array): Uint8Array {
  reserve(latent.length + scores.length, 64);
  let p = writeText(work, 0, '{"latent":[');
  p = writeNumbers(work, p, latent);
  p = writeText(work, p, '],"motif_scores":[');
  p = writeNumbers(work, p, scores);
  return work.slice(0, writeText(work, p, ']}'));
}

/**
 * `{"latent_embedding":[…` and `tail`.
 * @param tail the rest of the JSON from the closing bracket on, ASCII
 */
export function toEncodeBody(latent: Float32Array, tail: string): Uint8Array {
  reserve(latent.length, 64 + tail.length);
  let p = writeText(work, 0, '{"latent_embedding":[');
  p = writeNumbers(work, p, latent);
  return work.slice(0, writeText(work, p, tail));
}

function reserve(numbers: number, textBytes: number): void {
  const bytes = numbers * (LONGEST_NUMBER + 1) + textBytes;
  if (bytes > work.length) work = new Uint8Array(bytes);
}
