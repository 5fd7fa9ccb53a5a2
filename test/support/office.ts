import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tone, wavFile } from './tones.ts';

/** What each audio of the office sounds like, Hz: no two are alike, and none is a DTMF frequency. */
export const tunes = { welcome: 600, sorry: 800, third: 1100, music: 500 } as const;

export const domain = 'acme.test';
export const password = 'Secret123';

/** Callers dial these lines without an account: `line1@acme.test`. */
export const lines = {
  /** A menu: 1 anna, 2 everybody in sales, 3 a tone. */
  menu: `line1@${domain}`,
  /** Anna for three seconds, then boris: never answers the caller itself. */
  forwarding: `line2@${domain}`,
  /** Clara, whose two phones ring at once. */
  clara: `line3@${domain}`,
  /** A peer at `peerPort`. */
  load: `line4@${domain}`,
  /** The same behind a menu, key 5. */
  loadMenu: `line5@${domain}`,
} as const;

const employee = (id: string, extension: string, more: object = {}) => ({
  id,
  name: id,
  extension,
  accounts: [{ user: id, domain, password }],
  ...more,
});

const line = (user: string, number: string, scheme: string) => ({
  number,
  scheme,
  source: { passive: `${user}@${domain}` },
});

/** A small company to test with, whose announcements are tones that can be told apart. */
export function office(peerPort = 9): Record<string, unknown> {
  const peer = { forward: { sip: 'load@127.0.0.1', port: peerPort } };
  return {
    pbx: { id: 'acme', domains: [domain], timezone: 'Europe/Moscow', country: 'RU' },
    // Without a message and with nothing but hanging up, a failure reaches the caller as a SIP status.
    defaults: {
      // biome-ignore lint/suspicious/noThenProperty: the format names it so
      employee: { ringTime: 10, unavailableMessage: null, then: { hangup: true } },
      group: { holdMusic: 'music' },
      menu: { inputTimeout: 3, interDigitTimeout: 1 },
    },
    numbers: [
      line('line1', '74950000001', 'menu'),
      line('line2', '74950000002', 'forwarding'),
      line('line3', '74950000003', 'clara'),
      line('line4', '74950000004', 'load'),
      line('line5', '74950000005', 'loadMenu'),
    ],
    employees: [
      employee('anna', '401'),
      employee('boris', '402'),
      employee('clara', '403', {
        ring: 'simultaneous',
        contacts: [{ sip: `clara@${domain}` }, { sip: `clara-home@${domain}` }],
        accounts: [
          { user: 'clara', domain, password },
          { user: 'clara-home', domain, password },
        ],
      }),
    ],
    groups: [
      { id: 'sales', extension: '450', algorithm: 'all', members: [{ employee: 'anna' }, { employee: 'boris' }] },
    ],
    schemes: [
      {
        id: 'menu',
        steps: [{ play: 'welcome', wait: true }],
        menu: {
          '1': {
            steps: [
              { forward: { employee: 'anna' }, timeout: 3 },
              { play: 'sorry', wait: true },
            ],
          },
          '2': { steps: [{ forward: { group: 'sales' } }] },
          '3': { steps: [{ play: 'third', wait: true }] },
        },
      },
      { id: 'forwarding', steps: [{ forward: { employee: 'anna' }, timeout: 3 }, { forward: { employee: 'boris' } }] },
      { id: 'clara', steps: [{ forward: { employee: 'clara' } }] },
      { id: 'load', steps: [peer] },
      { id: 'loadMenu', steps: [{ play: 'welcome', wait: true }], menu: { '5': { steps: [peer] } } },
    ],
    audio: Object.keys(tunes).map((id) => ({ id, file: `audio/${id}.wav` })),
  };
}

/** Writes the office into a folder of configurations. @returns the path of its document */
export async function writeOffice(folder: string, document: Record<string, unknown> = office()): Promise<string> {
  const at = join(folder, 'acme');
  await mkdir(join(at, 'audio'), { recursive: true });
  for (const [name, hz] of Object.entries(tunes)) {
    await writeFile(join(at, 'audio', `${name}.wav`), wavFile(tone(hz, name === 'music' ? 5000 : 1000)));
  }
  const path = join(at, 'office.json');
  await writeFile(path, JSON.stringify(document, null, 2));
  return path;
}
