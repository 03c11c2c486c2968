import type { Route } from './core/task.ts';
import { renderDocs } from './http/docs-page.ts';
import { createOpenApi } from './http/openapi.ts';
import { serviceRoutes } from './http/service-routes.ts';
import type { Metrics } from './observe/metrics.ts';
import { toHealth, toRoot, toStatus } from './report.ts';
import { toPortPlace } from './report-line.ts';
import { toModelInfo, toModelList } from './report-models.ts';
import type { State } from './state.ts';

/** The service routes over the daemon's state; `tasks` are the routes that they describe beside themselves. */
export function createServiceRoutes(state: State, metrics: Metrics, tasks: readonly Route[]): Route[] {
  const { server, monitoring } = state.loaded.config;
  const openapi = () => ({ ...createOpenApi(state.release.version, [...tasks, ...routes]), ...toSecurity(state) });
  const routes: Route[] = serviceRoutes({
    health: () => toHealth(state),
    status: () => toStatus(state),
    root: () => toRoot(state),
    metrics: (isOpenMetrics) => metrics.page(isOpenMetrics),
    models: () => toModelList(state),
    modelInfo: (wanted) => toModelInfo(state, state.seats.named(wanted)),
    openapi,
    docs: () => renderDocs(openapi(), toPortPlace(state)),
    countHealthCheck: (isHealthy) => metrics.healthCheck(isHealthy),
    hasDocs: server.docs,
    hasMetrics: monitoring.metrics,
  });
  return routes;
}

/** How the port is asked; nothing where it asks for nothing. */
function toSecurity({ loaded }: State): object {
  if (loaded.config.security.token_credential === null) return {};
  return {
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    security: [{ bearer: [] }],
  };
}
