import type { Logger } from 'pino';
import type { LostCallNotice, MissedCallNotice, Notice, Notices } from '../call/notices.ts';
import { errorText } from '../errors.ts';
import { dayOf, msPerDay } from '../time/date.ts';
import { Zone } from '../time/zone.ts';
import type { Outbox, TextMessage, TextOutbox } from './outbox.ts';
import { missedCallLetter, missedCallSms } from './texts/missed-call.ts';

/** What the call layer wants people to be told, as letters and text messages in the outbox. One for each call, person and way. */
export class OutboxNotices implements Notices {
  readonly #outbox: Outbox & TextOutbox;
  readonly #log: Logger;

  constructor(outbox: Outbox & TextOutbox, log: Logger) {
    this.#outbox = outbox;
    this.#log = log;
  }

  send(notice: Notice): void {
    this.#put(notice).catch((error: unknown) => {
      const { kind, way, to, call } = notice;
      this.#log.error(
        { err: error, pbx: notice.pbx.id, call, kind, way, to },
        `a notice is lost: neither the disk nor the database could keep it: ${errorText(error)}`,
      );
    });
  }

  async #put(notice: Notice): Promise<void> {
    if (notice.kind === 'lostInMenu') {
      const answer = answerTo(notice);
      if (answer) await this.#outbox.putText(answer);
      return;
    }
    const { pbx, call, to, way } = notice;
    const id = `missed-${call}-${notice.employee.id}-${way}`;
    const [told, missed] = factsOf(notice);
    if (way === 'sms') await this.#outbox.putText({ pbx: pbx.id, id, to, text: missedCallSms(told, missed) });
    else {
      const about = { kind: 'missedCall', id: call } as const;
      await this.#outbox.put({ pbx: pbx.id, id, to: [to], ...missedCallLetter(told, missed), about });
    }
  }
}

const factsOf = ({ pbx, timezone, employee, caller, at }: MissedCallNotice) =>
  [
    { language: pbx.document.pbx.language, timezone },
    { employee: employee.name, caller, at },
  ] as const;

/** §4.4.2.3. A day of the limit begins at midnight of the PBX; days in which a client gets no second answer are 24 hours each. */
function answerTo({ pbx, call, to, at }: LostCallNotice): TextMessage | undefined {
  const { sms } = pbx.document;
  if (!sms) return undefined;
  const zone = Zone.of(pbx.document.pbx.timezone);
  return {
    pbx: pbx.id,
    id: `lost-${call}`,
    to,
    text: sms.missedText,
    answer: {
      notAgainForMs: sms.notAgainFor * msPerDay,
      dailyLimit: sms.dailyLimit,
      midnight: zone.instantOf(dayOf(zone.wallAt(at)) * msPerDay),
    },
  };
}
