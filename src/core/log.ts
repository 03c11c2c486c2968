/** What every layer may ask of a log; observe/log.ts implements it with pino. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Monotonic milliseconds; never wall time, so a clock that jumps moves no deadline. */
export type Clock = () => number;
