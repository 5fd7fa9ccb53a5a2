/** RFC 3261 §17 with RFC 6026. Knows no dialogs. */
export { LIMITS, TIMERS, TransactionLayer, type TransactionLayerOptions } from './layer.ts';
export type * from './types.ts';
