import { refuse } from './refusal.ts';

const YES = ['true', '1'];
const NO = ['false', '0'];

/**
 * `?normalized=true`: the window is z-scored already. Absent: false.
 * @throws SidecarError INVALID_INPUT for a value that is neither true nor false
 */
export function isNormalised(query: string): boolean {
  if (query === '') return false;
  const value = new URLSearchParams(query).get('normalized');
  if (value === null) return false;
  const word = value.toLowerCase();
  if (YES.includes(word)) return true;
  if (NO.includes(word)) return false;
  return refuse('bool_parsing', ['query', 'normalized'], 'Input should be a valid boolean: true or false', value);
}
