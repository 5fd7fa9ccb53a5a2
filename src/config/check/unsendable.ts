import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Letters and text messages that somebody is to get, in a PBX that can send none. */
export const unsendable: Rule = {
  codes: ['no-mail-settings', 'no-sms-settings'],
  *check({ document }: CheckedPbx): Iterable<Finding> {
    const { employees, schemes, mail, sms } = document;
    const lacks = {
      email: mail ? undefined : ({ code: 'no-mail-settings', what: 'a letter', key: 'mail' } as const),
      sms: sms ? undefined : ({ code: 'no-sms-settings', what: 'an SMS', key: 'sms' } as const),
    };
    for (const [index, { id, assistant }] of employees.entries()) {
      for (const [at, { notify }] of assistant.entries()) {
        for (const way of ['email', 'sms'] as const) {
          const lack = lacks[way];
          if (!lack || notify[way] === undefined) continue;
          const { code, what, key } = lack;
          const message = `The assistant of "${id}" sends ${what}, and the PBX has no "${key}" settings: it will wait, and be given up`;
          const path = ['employees', index, 'assistant', at, 'notify', way];
          yield { code, path, message, hint: `Add "${key}", or take "${way}" out of "notify".` };
        }
      }
    }
    if (!lacks.sms) return;
    for (const [index, { id, missed }] of schemes.entries()) {
      if (!missed.sms) continue;
      const message = `Scheme "${id}" answers lost callers by SMS, and the PBX has no "sms" settings: nothing is sent`;
      const path = ['schemes', index, 'missed', 'sms'];
      yield { code: 'no-sms-settings', path, message, hint: 'Add "sms", or take "missed.sms" out.' };
    }
  },
};
