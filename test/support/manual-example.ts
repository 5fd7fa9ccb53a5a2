import { tone, wavFile } from './tones.ts';

/**
 * The worked example of §4.4.2.1, twelve steps («Клиентский отдел», «Отдел продаж»), as an admin would write it: the document, and its audio. Its queue
 * times of 20 seconds are the groups' (step 7: `hold.maxWait`).
 */

/** What each audio of it is: hertz, so that a test can tell them apart, and seconds. */
export const audio = {
  welcome: { hz: 600, seconds: 12 },
  wrong: { hz: 800, seconds: 4 },
  night: { hz: 500, seconds: 6 },
} as const;

export const line = '74950000001';
export const address = { user: 'line', domain: 'acme.example' } as const;
export const password = 'Secret123';

const employee = (id: string, extension: string) => ({
  id,
  name: id,
  extension,
  accounts: [{ user: id, domain: address.domain, password }],
});

/** A group that keeps a caller for 20 seconds (step 7). */
const group = (id: string, name: string, extension: string, members: readonly string[]) => ({
  id,
  name,
  extension,
  members: members.map((member) => ({ employee: member })),
  hold: { queue: true, maxWait: 20 },
});

const message = { voicemail: { to: ['example@example.ru'] } };

/** @param pbx what is to be different in the part of the same name: its time zone, its calendar */
export const manualExample = (pbx: Record<string, unknown> = {}) => ({
  pbx: { id: 'acme', domains: [address.domain], timezone: 'Europe/Moscow', country: 'RU', ...pbx },
  numbers: [{ number: line, scheme: 'main', source: { passive: `${address.user}@${address.domain}` } }],
  audio: Object.keys(audio).map((id) => ({ id, file: `audio/${id}.wav` })),
  employees: [employee('petrov', '401'), employee('orlov', '402'), employee('sidorov', '451')],
  groups: [group('clients', 'Клиентский отдел', '501', ['petrov']), group('sales', 'Отдел продаж', '502', ['orlov'])],
  schemes: [
    {
      id: 'main',
      branches: [
        {
          when: { days: ['workdays'], time: ['09:00-18:59'] },
          steps: [{ play: 'welcome', wait: true }],
          menu: {
            '1': { steps: [{ forward: { group: 'clients' } }, message] },
            '2': {
              steps: [{ forward: { group: 'sales' } }, { forward: { employee: 'sidorov' }, timeout: 60 }, message],
            },
          },
          rules: {
            fax: { to: ['petrov@host.ru'] },
            noInput: { steps: [{ forward: { group: 'clients' } }, message] },
            anyOtherInput: { steps: [{ play: 'wrong', wait: true }, message] },
          },
        },
        { when: 'otherwise', steps: [{ play: 'night', wait: true }, { fax: {} }] },
      ],
    },
  ],
});

/** Its audio as files beside the document. */
export const audioFiles = (): Record<string, Uint8Array> =>
  Object.fromEntries(
    Object.entries(audio).map(([id, { hz, seconds }]) => [`audio/${id}.wav`, wavFile(tone(hz, seconds * 1000))]),
  );
