/** The user agent core: what happens between SIP transactions and the applications that decide about calls. No frames here. */
export type {
  Application,
  Applications,
  HungUpEvent,
  IncomingEvent,
  Peer,
  Reply,
  ResponseEvent,
  Sent,
  Unwanted,
} from './application.ts';
export { USER_AGENT_LIMITS, type UserAgentCounters, type UserAgentLimits } from './core.ts';
export { Deadlines } from './deadlines.ts';
export type { ProxyOrder, ProxyReply } from './proxy.ts';
export type { Refusal, RefusalCode } from './refusal.ts';
export { UserAgent, type UserAgentOptions, type UserAgentStats } from './user-agent.ts';
