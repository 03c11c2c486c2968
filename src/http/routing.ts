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

export type RoutingTable = ReadonlyMap<string, Place>;

/** Path → place, exact matches only. Throws INTERNAL when two routes claim the same method and path. */
export function createRoutingTable(routes: readonly Route[]): RoutingTable {
  const table = new Map<string, Place>();
  for (const route of routes) table.set(route.path, addRoute(table.get(route.path), route));
  return table;
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
