import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../support/engine-process.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { type SippRegistrar, sippCalls, sippRegistrar } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { tone, wavFile } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** Numbers of other operators (§4.2.2.2): our accounts at a registrar that is not ours, and a line that anybody may call. */

const numbers = { good: '74950000011', wrong: '74950000012', passive: '74950000013' } as const;
const registrar = { user: '009912', password: 'Secret123', realm: 'operator.test', expires: 2, grants: 2 } as const;

let resources: AsyncDisposableStack;
let engine: Engine;
let operator: SippRegistrar;
let another: SippRegistrar;

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  operator = resources.use(await sippRegistrar(registrar));
  another = resources.use(await sippRegistrar(registrar));
  const active = (number: string, { port }: SippRegistrar, password: string) => ({
    number,
    scheme: 'main',
    source: { active: { server: `127.0.0.1:${port}`, user: registrar.user, password, domain: registrar.realm } },
  });
  const folder = resources.use(await temporaryFolder('config'));
  const at = join(folder.path, 'acme');
  await mkdir(at);
  await writeFile(join(at, 'greeting.wav'), wavFile(tone(600, 5000)));
  const document = {
    pbx: { id: 'acme', domains: ['acme.test'], country: 'RU', timezone: 'Europe/Moscow' },
    audio: [{ id: 'greeting', file: 'greeting.wav' }],
    schemes: [{ id: 'main', steps: [{ play: 'greeting', wait: true }] }],
    numbers: [
      active(numbers.good, operator, registrar.password),
      active(numbers.wrong, another, 'not this one'),
      { number: numbers.passive, scheme: 'main', source: { passive: 'line13@acme.test' } },
    ],
  };
  await writeFile(join(at, 'pbx.json'), JSON.stringify(document));
  engine = resources.use(await Engine.start({ config: folder.path }));
});
afterAll(() => resources.disposeAsync());

interface Registration {
  readonly state: string;
  readonly reason: string | null;
  readonly until: string | null;
  readonly changes: readonly { readonly state: string; readonly reason: string | null }[];
}

const registrationOf = async (number: string) =>
  (await engine.api<{ id: string; registration: Registration | null }[]>('/api/pbxs/acme/trunks')).find(
    ({ id }) => id === `active:${number}`,
  )?.registration;

const registration = (number: string, state: string) =>
  eventually(
    `${number} to be ${state}`,
    () => registrationOf(number),
    (one) => one?.state === state,
  );

/** Somebody calls, from an address that nobody knows. @param to without `sip:` */
async function called(to: string, address: string) {
  const result = await sippCalls(engine.sip, { to, from: '79160000000@operator.test' }, { address });
  expect(result, result.text).toMatchObject({ code: 0, successful: 1 });
  await idle(engine);
  return lastRecord(engine, 'acme');
}

describe('an active line', () => {
  it('is registered with its password; its calls are known by the Contact, and reach the scheme of the number', async () => {
    await registration(numbers.good, 'registered');
    const [first, second] = await operator.registers();
    expect([first, second?.split(' ')[0]]).toEqual(['asked', 'answered']);
    const contact = second?.replace('answered sip:', '') ?? '';
    expect(contact).toMatch(new RegExp(`^${numbers.good}@127\\.0\\.0\\.1:\\d+;transport=udp;line=\\w+$`));
    expect(await called(contact, '127.0.0.33')).toMatchObject({
      direction: 'in',
      from: '79160000000',
      line: numbers.good,
      scheme: 'main',
    });
  });

  it('is refreshed before its time is over, and shown as refused with the reason when the operator bars it', async () => {
    const { changes } = (await registration(numbers.good, 'refused')) as Registration;
    expect(changes).toMatchObject([
      { state: 'registered', reason: null },
      { state: 'refused', reason: 'REGISTER answered 403 Forbidden' },
    ]);
    // Registered, refreshed, barred; each time challenged anew, all with one Contact.
    const registers = await operator.registers();
    expect(registers.filter((line) => line === 'asked')).toHaveLength(3);
    expect(new Set(registers.filter((line) => line !== 'asked')).size).toBe(1);
    // What the operator granted before he barred it still has some of its time.
    await eventually(
      'the registration to be over',
      () => engine.metric('kommutator_trunk_registered'),
      (count) => count === 0,
    );
  });

  it('with a wrong password is tried once, and not again while others are refreshed', async () => {
    const refused = await registration(numbers.wrong, 'refused');
    expect(refused).toMatchObject({ reason: 'REGISTER answered 401 Unauthorized: the password is wrong', until: null });
    expect((await another.registers()).map((line) => line.split(' ')[0])).toEqual(['asked', 'answered']);
  });
});

describe('a passive line', () => {
  it('is called by anybody, and reaches the scheme of its number', async () => {
    expect(await called('line13@acme.test', '127.0.0.34')).toMatchObject({ line: numbers.passive, scheme: 'main' });
  });
});
