/** One file on its way into the store, from an archive or a directory. */
export interface Member {
  /** A plain file name, no path. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The content, in order; must be read to its end before the next member is asked for. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** The files of a bundle, the manifest first. Reading may throw MODEL_INVALID at any point. */
export type Members = AsyncIterable<Member>;
