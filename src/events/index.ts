export { EventFeed } from './feed.ts';
export { EventLog } from './log.ts';
