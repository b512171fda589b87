/** Finds the name a user probably meant. */

/** Letters that say enough of a name to be its beginning. */
const shortestBeginning = 4;

/** The nearest of some names: the shortest that begins with it, else by edit distance; undefined where none is near. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const candidates = [...names];
  const longer = candidates
    .filter((candidate) => candidate.startsWith(name))
    .sort((a, b) => a.length - b.length);
  if (name.length >= shortestBeginning && longer[0] !== undefined) return longer[0];
  const limit = Math.max(1, Math.floor((name.length + 1) / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name, candidate, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance; anything above `limit` comes back as `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= b.length; column += 1) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      const value = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + cost,
      );
      current.push(value);
      least = Math.min(least, value);
    }
    if (least >= limit) return limit;
    previous = current;
  }
  return Math.min(previous[b.length] ?? limit, limit);
}
