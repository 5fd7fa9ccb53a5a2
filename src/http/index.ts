export type { HistoryFilter, HistoryPage } from '../history/query.ts';
export type {
  CallsPort,
  ConfigPort,
  EventBatch,
  EventsPort,
  HistoryPort,
  HttpOptions,
  HttpPorts,
  HttpServer,
  LiveCall,
  LiveParty,
  MediaFigures,
  MetricSources,
  Registration,
  RegistrationsPort,
} from './ports.ts';
export { startHttp } from './server.ts';
