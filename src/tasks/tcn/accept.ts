import { BINARY_TYPE } from './binary.ts';

/** Whether the client prefers float32 to JSON: it must name the type, and like it no less than JSON. */
export function wantsBinary(accept: string): boolean {
  if (accept === BINARY_TYPE) return true;
  if (!accept.includes(BINARY_TYPE)) return false; // what nearly everybody gets
  const binary = qualityOf(accept, BINARY_TYPE);
  return binary > 0 && binary >= qualityOf(accept, 'application/json');
}

function qualityOf(accept: string, type: string): number {
  for (const entry of accept.split(',')) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    if (name !== type) continue;
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    return quality === undefined ? 1 : Number(quality.slice(2)) || 0;
  }
  return 0;
}
