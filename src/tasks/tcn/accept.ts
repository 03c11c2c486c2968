import { BINARY_TYPE, JSON_TYPE } from '../../core/media-types.ts';

/** Whether the client prefers float32 to JSON: it must name the type, and like it better than JSON, or name it first. */
export function wantsBinary(accept: string): boolean {
  if (accept === BINARY_TYPE) return true;
  const types = accept.toLowerCase();
  if (!types.includes(BINARY_TYPE)) return false; // what nearly everybody gets
  const [binary, json] = [qualityOf(types, BINARY_TYPE), qualityOf(types, JSON_TYPE)];
  if (binary === json) return binary > 0 && types.indexOf(BINARY_TYPE) < types.indexOf(JSON_TYPE);
  return binary > json;
}

function qualityOf(accept: string, type: string): number {
  for (const entry of accept.split(',')) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
    if (name !== type) continue;
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    return quality === undefined ? 1 : Number(quality.slice(2)) || 0;
  }
  return 0;
}
