/** Below this share of a word's length two words count as a misspelling of one another. */
const LIKENESS = 0.4;

/**
 * The candidate that takes the fewest edits to reach from `word`; null when there are no candidates.
 * `isClose` tells whether it may be offered as "did you mean".
 */
export function nearest(word: string, candidates: readonly string[]): { word: string; isClose: boolean } | null {
  // Long words cost quadratic time and are no misspelling of anything.
  const start = word.slice(0, 64);
  let best: { word: string; distance: number } | null = null;
  for (const candidate of candidates) {
    const distance = editDistance(simplify(start), simplify(candidate));
    if (best === null || distance < best.distance) best = { word: candidate, distance };
  }
  if (best === null) return null;
  return { word: best.word, isClose: best.distance <= Math.max(1, Math.floor(best.word.length * LIKENESS)) };
}

/** "Did you mean X?" with a leading blank, or "" when nothing is close. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found?.isClose ? ` Did you mean "${found.word}"?` : '';
}

/** maxQueueSize, max-queue-size and MAX_QUEUE_SIZE are all max_queue_size to a person. */
function simplify(word: string): string {
  return word
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
