import type { PbxVersion } from '../config/version.ts';
import type { EventPackage, Subscriber } from './event-package.ts';

/** How many voice messages a mailbox has. */
export interface MessagesWaiting {
  readonly new: number;
  readonly old: number;
}

export interface MessageSummaryOptions {
  readonly pbx: (id: string) => PbxVersion | undefined;
  /** Of the mailbox of an employee. Rejects while the database is away. */
  readonly counts: (pbx: string, employee: string) => Promise<MessagesWaiting>;
}

/**
 * The lamp of a phone (RFC 3842): whether its employee has new voice messages. A phone has the mailbox of its employee, whatever name it knows it by: its own
 * account, its extension, the code that it dials to listen. Only the account or extension of somebody else is refused.
 */
export function messageSummary({ pbx, counts }: MessageSummaryOptions): EventPackage {
  const owner = ({ pbx: id, account }: Subscriber) => pbx(id)?.accountNamed(account)?.employee;
  return {
    name: 'message-summary',
    contentType: 'application/simple-message-summary',
    defaultExpires: 3600,
    refusal(subscriber, user) {
      const version = pbx(subscriber.pbx);
      const known = version?.extension(user);
      const named =
        known?.kind === 'employee' ? known.employee : version?.account(user, domainOf(subscriber.account))?.employee;
      return named && named.id !== subscriber.employee ? { status: 403 } : undefined;
    },
    async state(subscriber) {
      const employee = owner(subscriber);
      return employee && printSummary(subscriber.account, await counts(subscriber.pbx, employee.id));
    },
  };
}

/** The body of RFC 3842 §5.2. Nothing here is urgent, and no phone should be left to guess. @param account `user@domain` */
export const printSummary = (account: string, { new: fresh, old }: MessagesWaiting): string =>
  [
    `Messages-Waiting: ${fresh > 0 ? 'yes' : 'no'}`,
    `Message-Account: sip:${account}`,
    `Voice-Message: ${fresh}/${old} (0/0)`,
    '',
  ].join('\r\n');

const domainOf = (account: string): string => account.slice(account.lastIndexOf('@') + 1);
