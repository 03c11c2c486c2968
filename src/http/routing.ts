import { SidecarError } from '../core/errors.ts';
import type { Route } from '../core/task.ts';
import { acceptedTypes } from './media-type.ts';

/** A route with what each request would otherwise work out again. */
export interface BoundRoute {
  readonly route: Route;
  readonly accepted: readonly string[];
}

/** All that answers at one path. */
export interface Place {
  readonly get: BoundRoute | undefined;
  readonly post: BoundRoute | undefined;
  /** Value of Allow, e.g. "GET, HEAD, OPTIONS". */
  readonly allow: string;
  readonly label: string;
}

/** Where a request goes: nowhere, or to a place with what its path says. */
export interface Match {
  readonly place: Place | undefined;
  readonly params: Readonly<Record<string, string>>;
}

export interface RoutingTable {
  /** Exact paths first; of the others the one that was listed first. */
  find(path: string): Match;
}

interface Pattern {
  readonly segments: readonly string[];
  readonly place: Place;
}

const NO_PARAMS = {};
const NOWHERE: Match = { place: undefined, params: NO_PARAMS };

/** Throws INTERNAL when two routes claim the same method and path. */
export function createRoutingTable(routes: readonly Route[]): RoutingTable {
  const places = new Map<string, Place>();
  for (const route of routes) places.set(route.path, addRoute(places.get(route.path), route));
  const exact = new Map([...places].map(([path, place]) => [path, { place, params: NO_PARAMS }]));
  const patterns: Pattern[] = [...places]
    .filter(([path]) => path.includes('{'))
    .map(([path, place]) => ({ segments: path.split('/'), place }));
  return { find: (path) => exact.get(path) ?? findPattern(patterns, path) };
}

function findPattern(patterns: readonly Pattern[], path: string): Match {
  const segments = path.split('/');
  for (const pattern of patterns) {
    const params = matchSegments(pattern.segments, segments);
    if (params !== null) return { place: pattern.place, params };
  }
  return NOWHERE;
}

function matchSegments(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (let i = 0; i < pattern.length; i++) {
    const part = pattern[i]!;
    const value = segments[i]!;
    if (part.startsWith('{') && value !== '') params[part.slice(1, -1)] = decode(value);
    else if (part !== value) return null;
  }
  return params;
}

/** What is no valid escape stands for itself: it will not be found, and is told as it came. */
function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function addRoute(place: Place | undefined, route: Route): Place {
  const bound: BoundRoute = { route, accepted: acceptedTypes(route) };
  const get = route.method === 'GET' ? bound : place?.get;
  const post = route.method === 'POST' ? bound : place?.post;
  if ((route.method === 'GET' ? place?.get : place?.post) !== undefined) throw twice(route);
  return { get, post, allow: allowOf(get !== undefined, post !== undefined), label: place?.label ?? route.label };
}

function allowOf(hasGet: boolean, hasPost: boolean): string {
  return [...(hasGet ? ['GET', 'HEAD'] : []), ...(hasPost ? ['POST'] : []), 'OPTIONS'].join(', ');
}

function twice(route: Route): SidecarError {
  return new SidecarError('INTERNAL', `Two routes answer ${route.method} ${route.path}.`);
}

/** The path without its query's "?" and without one trailing slash; "/" stays. */
export function normalisePath(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** The route for a method at a place; HEAD goes to GET. */
export function routeFor(place: Place, method: string): BoundRoute | undefined {
  if (method === 'POST') return place.post;
  return method === 'GET' || method === 'HEAD' ? place.get : undefined;
}
