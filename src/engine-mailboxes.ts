import type { Logger } from 'pino';
import type { ConfigStore } from './config/store.ts';
import { errorText } from './errors.ts';
import type { Voicemail } from './messages/voicemail/index.ts';
import type { RedisConnection, RedisSubscriber } from './redis/index.ts';
import { Keys } from './redis/keys.ts';
import { messageSummary, type Subscriptions } from './sip/index.ts';

/** The parts between a mailbox and the lamp of a phone. */
export interface MailboxParts {
  readonly config: ConfigStore;
  readonly voicemail: Pick<Voicemail, 'events' | 'counts'>;
  readonly subscriptions: Subscriptions;
  readonly redis: RedisConnection;
  readonly subscriber: RedisSubscriber;
  readonly log: Logger;
}

/**
 * Tells phones what waits in their mailboxes (RFC 3842), whichever node has taken the message and whichever has the phone. A node tells the others by a channel
 * of the PBX which employee's mailbox has changed; what is in it each asks the database. While Redis is away its own phones are told at once all the same, and
 * those of others when it is back.
 * @returns the function that ends it
 */
export function tellPhones(parts: MailboxParts): () => void {
  const { config, voicemail, subscriptions, redis, subscriber, log } = parts;
  const changed = (pbx: string, employee?: string) =>
    subscriptions.changed(
      'message-summary',
      (phone) => phone.pbx === pbx && (employee === undefined || phone.employee === employee),
    );
  const channels = new Map<string, () => void>();
  const follow = ({ id }: { readonly id: string }) => {
    if (channels.has(id)) return;
    // Messages may have been missed: every phone is looked after.
    channels.set(
      id,
      subscriber.subscribe(new Keys(id).mailboxes(), (employee) => changed(id, employee)),
    );
  };
  const leave = ({ id }: { readonly id: string }) => {
    channels.get(id)?.();
    channels.delete(id);
  };
  for (const pbx of config.all()) follow(pbx);
  const offs = [
    subscriptions.serve(
      messageSummary({ pbx: (id) => config.current(id), counts: (pbx, employee) => voicemail.counts(pbx, employee) }),
    ),
    voicemail.events.on('changed', ({ message: { pbx, employee } }) => {
      if (employee === null) return;
      changed(pbx, employee);
      redis
        .use((client) => client.publish(new Keys(pbx).mailboxes(), employee))
        .catch((error: unknown) => log.debug({ pbx, employee }, `other nodes not told: ${errorText(error)}`));
    }),
    config.on('changed', ({ changed: versions, removed }) => {
      for (const pbx of versions) follow(pbx);
      for (const pbx of removed) leave(pbx);
      // Accounts that are gone have no mailbox any more.
      for (const { id } of [...versions, ...removed]) changed(id);
    }),
  ];
  return () => {
    for (const off of [...offs, ...channels.values()]) off();
  };
}
