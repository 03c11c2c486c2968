/** `backend.hailo.temperature_*`, read at each measurement, so that a reload applies. */
export interface HeatLimits {
  readonly warningCelsius: number;
  readonly criticalCelsius: number;
}

export type HeatLevel = 'normal' | 'warm' | 'critical';

/** So much below a limit the chip must be before it counts as cooler: a value that swings around a limit is one event. */
const HYSTERESIS_CELSIUS = 3;

/** The level of a measurement, given the level before it. */
export function heatLevel(
  celsius: number,
  before: HeatLevel,
  { warningCelsius, criticalCelsius }: HeatLimits,
): HeatLevel {
  const slack = (level: HeatLevel) => (before === level ? HYSTERESIS_CELSIUS : 0);
  if (celsius >= criticalCelsius - slack('critical')) return 'critical';
  const isStillWarm = before === 'normal' ? 0 : HYSTERESIS_CELSIUS;
  return celsius >= warningCelsius - isStillWarm ? 'warm' : 'normal';
}
