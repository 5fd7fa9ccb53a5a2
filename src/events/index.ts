export { EventFeed, type EventForms } from './feed.ts';
export { EventLog } from './log.ts';
