export type {
  CallsPort,
  ConfigPort,
  HistoryFilter,
  HistoryPage,
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
