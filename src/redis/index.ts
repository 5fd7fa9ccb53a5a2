export { parseRedisUrl, type RedisAddress, socketAddress } from './address.ts';
export { type RedisCommands, RedisConnection, RedisDownError } from './connection.ts';
export { Keys } from './keys.ts';
export { RedisRegistrations } from './redis-registrations.ts';
export type * from './registrations.ts';
export { type Script, script } from './script.ts';
export { SharedLimits } from './shared-limits.ts';
export { RedisSubscriber } from './subscriber.ts';
export { type FailureLimits, type FailureState, Throttle } from './throttle.ts';
