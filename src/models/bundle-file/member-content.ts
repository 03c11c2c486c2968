import { invalid } from './member-rules.ts';
import type { Member } from './members.ts';

/** What is read must be as long as was announced; a file that grows or shrinks meanwhile is refused. */
export async function* exactly(
  size: number,
  chunks: AsyncIterable<Uint8Array>,
  label: string,
): AsyncGenerator<Uint8Array> {
  let found = 0;
  for await (const chunk of chunks) {
    found += chunk.length;
    if (found > size) break;
    yield chunk;
  }
  if (found !== size) throw invalid(`${label} changed while it was read.`, 'Try again when nothing writes to it.');
}

/** A member whose content is in memory. */
export function toTextMember(name: string, content: Uint8Array): Member {
  return {
    name,
    size: content.length,
    async *chunks() {
      yield content;
    },
  };
}

/** All of a member, which must be a small one. */
export async function contentOf(member: Member): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of member.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
