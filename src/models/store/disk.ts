/**
 * The file system as the store sees it: each call is one system call or close to one, so that a test can end the world
 * between any two of them, and can forget whatever was not synced. Paths are absolute. Calls reject as node:fs does.
 */
export interface Disk {
  /** Rejects with EEXIST when there is something. */
  mkdir(path: string): Promise<void>;
  /** A new file, mode 0644; rejects with EEXIST when there is something. */
  create(path: string): Promise<NewFile>;
  readFile(path: string): Promise<Buffer>;
  /** Names in a directory; [] when there is no such directory. */
  list(path: string): Promise<readonly string[]>;
  /** Without following a link; null when there is nothing. */
  kindOf(path: string): Promise<'file' | 'directory' | 'link' | 'other' | null>;
  readLink(path: string): Promise<string>;
  symlink(target: string, path: string): Promise<void>;
  /** Replaces a file or link at `to`, atomically. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  /** Until it resolves, names made, moved or removed in the directory may be lost by a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that a file of this user may still take there. */
  freeBytes(path: string): Promise<number>;
}

export interface NewFile {
  write(chunk: Uint8Array): Promise<void>;
  /** Until it resolves, the content may be lost by a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
