/**
 * How far the kernel reaches, in samples of the slower of the two rates: what a result waits for. Eight cost 80 ms at
 * 100 Hz; with them a signal up to PASSBAND of the slower rate comes through with an error below -60 dB.
 */
export const ZERO_CROSSINGS = 8;
/** Kaiser's shape: larger is more exact where it is exact, and ends earlier. */
const BETA = 6.2;
/** Of the slower rate; test/tasks/tcn/stream/resampler.test.ts holds the error up to here. */
export const PASSBAND = 0.35;
/** Linear interpolation between this many points for each crossing errs by less than -110 dB. */
const POINTS = 512;

let points: Float64Array | null = null;

/** The windowed sinc, `crossings` from its middle. One table serves every ratio. */
export function windowedSinc(crossings: number): number {
  if (crossings >= ZERO_CROSSINGS) return 0;
  points ??= createPoints();
  const place = crossings * POINTS;
  const below = Math.floor(place);
  const low = points[below]!;
  return low + (points[below + 1]! - low) * (place - below);
}

function createPoints(): Float64Array {
  const length = ZERO_CROSSINGS * POINTS;
  const scale = bessel(BETA);
  return Float64Array.from({ length: length + 1 }, (_, i) => {
    const x = i / POINTS;
    const window = bessel(BETA * Math.sqrt(Math.max(0, 1 - (i / length) ** 2))) / scale;
    return i === 0 ? 1 : i === length ? 0 : (window * Math.sin(Math.PI * x)) / (Math.PI * x);
  });
}

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
