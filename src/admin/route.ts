/** One command of the admin socket. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Compared with the whole request target. */
  readonly path: string;
  /**
   * `body` is the parsed JSON, undefined when there was none. What it resolves to becomes the JSON of the reply; a
   * SidecarError becomes `{error: {code, message}}`. It may take minutes, and goes on when the caller leaves.
   */
  handle(body: unknown): Promise<unknown>;
}

/** The body of a reply that is no success. */
export interface AdminFailure {
  readonly error: { readonly code: string; readonly message: string };
}
