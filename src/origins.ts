import type { State } from './state.ts';

/**
 * Origins whose pages may read replies and open streams: those of the configuration, and the daemon's own pages, by the
 * address it listens at. Never by a Host header, which a page of an attacker's name has, too.
 */
export function createOrigins(state: State): () => readonly string[] {
  let known: { of: readonly string[]; url: string; origins: readonly string[] } | null = null;
  return () => {
    const of = state.loaded.config.server.cors_origins;
    const { url } = state;
    if (known?.of !== of || known.url !== url) known = { of, url, origins: [...of, url, onLocalhost(url)] };
    return known.origins;
  };
}

/** As most people type it. */
const onLocalhost = (url: string) => url.replace(/\/\/(127\.0\.0\.1|\[::1\])(?=:|$)/, '//localhost');
