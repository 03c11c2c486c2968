/** Vectors of one width, one after the other. */
export interface Points {
  readonly count: number;
  readonly width: number;
  /** [count×width], row-major. */
  readonly values: Float64Array;
}

export function toPoints(rows: readonly ArrayLike<number>[]): Points {
  const width = rows[0]?.length ?? 0;
  const values = new Float64Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(row, i * width);
  });
  return { count: rows.length, width, values };
}

/** Vector `index`, as a view. */
export function rowOf({ values, width }: Points, index: number): Float64Array {
  return values.subarray(index * width, (index + 1) * width);
}

/** The vectors at `indices`, copied, in that order. */
export function pickPoints(points: Points, indices: ArrayLike<number>): Points {
  const values = new Float64Array(indices.length * points.width);
  for (let i = 0; i < indices.length; i++) values.set(rowOf(points, indices[i]!), i * points.width);
  return { count: indices.length, width: points.width, values };
}

/** Every vector at length one; none may be zero. */
export function toUnits(points: Points): Points {
  const units = { ...points, values: points.values.slice() };
  for (let i = 0; i < units.count; i++) {
    const row = rowOf(units, i);
    const norm = Math.sqrt(dot(row, row));
    for (let j = 0; j < row.length; j++) row[j] = row[j]! / norm;
  }
  return units;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Which comes first by the first number that differs: an order that depends on nothing but the vectors. */
export function compareRows(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
