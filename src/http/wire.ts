/** The library's response as far as a reply uses it; server.ts hands the real one in. */
export interface Wire {
  cork(write: () => void): unknown;
  writeStatus(status: string): unknown;
  writeHeader(name: string, value: string): unknown;
  end(body: string | Uint8Array, shouldClose: boolean): unknown;
  /** A piece of a body whose length nobody knows; false: the client does not take all of it now. */
  write(piece: string | Uint8Array): boolean;
  /** Sends of the body what the client takes now; ends with the last of all its bytes. */
  tryEnd(body: string | Uint8Array, allBytes: number): [ok: boolean, isEnded: boolean];
  /** The listener hears from which byte of the body on to try again, and returns what tryEnd() said first. */
  onWritable(listener: (from: number) => boolean): unknown;
  endWithoutBody(reportedBytes?: number, shouldClose?: boolean): unknown;
}

/** The library's response as far as an exchange uses it. */
export interface Stream extends Wire {
  onAborted(listener: () => void): unknown;
  /** The chunk's memory is the library's again when the listener returns. */
  onData(listener: (chunk: ArrayBuffer, isLast: boolean) => void): unknown;
  close(): unknown;
}
