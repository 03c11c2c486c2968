import { SidecarError } from '../core/errors.ts';

/** @param why for people, from the network */
export function noDaemon(place: string, why: string, cause: unknown): SidecarError {
  const sentence = `No daemon answers at ${place} (${why}). Start it, or name its address with --url.`;
  return new SidecarError('UNAVAILABLE', sentence, { cause });
}
