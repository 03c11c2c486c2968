import type { Route } from './core/task.ts';
import { renderDocs } from './http/docs-page.ts';
import { createOpenApi } from './http/openapi.ts';
import { serviceRoutes } from './http/service-routes.ts';
import type { Metrics } from './observe/metrics.ts';
import { toHealth, toRoot, toStatus } from './report.ts';
import type { State } from './state.ts';
