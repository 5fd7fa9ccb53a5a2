/** Sockets, connections and the way to a peer. Knows messages, but no transactions. */
export type { Dns, SrvRecord } from './dns-cache.ts';
export { TransportError, type TransportErrorCode } from './errors.ts';
export { parseListenAddresses } from './listen-address.ts';
export { LISTENER_LIMITS, type Listener, type ListenerLimits, type OpenListener } from './listener.ts';
export { isLoopback, isPrivate } from './networks.ts';
export type { TlsFiles } from './tls-certificates.ts';
export { type TransportCounters, Transports, type TransportsOptions } from './transports.ts';
export * from './types.ts';
export { hopOfVia } from './via-stamp.ts';
