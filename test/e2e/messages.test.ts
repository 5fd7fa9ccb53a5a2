import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Engine } from '../support/engine-process.ts';
import { MailServer, readMail } from '../support/mail-server.ts';
import { sippCalls } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

const domain = 'acme.test';

it('a call that nobody took becomes a letter, also when the engine is killed between the server’s acceptance and its own note', async () => {
  await using folder = await temporaryFolder('config');
  await using data = await temporaryFolder('data');
  const server = await MailServer.start();
  await using _ = { [Symbol.asyncDispose]: () => server.stop() };
  const document = {
    pbx: { id: 'acme', name: 'Ромашка', domains: [domain], timezone: 'Europe/Moscow' },
    numbers: [{ number: '74950000001', scheme: 'main', source: { passive: `line1@${domain}` } }],
    schemes: [{ id: 'main', steps: [{ forward: { employee: 'anna' } }] }],
    employees: [
      {
        ...{ id: 'anna', name: 'Анна', accounts: [{ user: 'anna', domain, password: 'Secret123' }] },
        // biome-ignore lint/suspicious/noThenProperty: the format names it so
        assistant: [{ then: { hangup: true }, notify: { email: 'anna@acme.example' } }],
      },
    ],
    mail: { smtp: server.url, from: 'pbx@acme.example' },
  };
  await writeFile(join(folder.path, 'acme.json'), JSON.stringify(document));
  const start = () => Engine.start({ config: folder.path, varDir: data.path });

  const killed = await start();
  // The letter is accepted, and the answer never comes.
  server.beforeAccepting = () => new Promise(() => undefined);
  const result = await sippCalls(killed.sip, {
    ...{ to: `line1@${domain}`, from: '79031112233@elsewhere.test', refusedWith: 480 },
  });
  expect(result.code, result.text).toBe(0);
  await eventually(
    'the letter',
    () => server.taken.length,
    (count) => count === 1,
  );
  expect(await killed.metric('kommutator_outbox_waiting')).toBe(1);
  await killed.program.stop('SIGKILL');

  server.beforeAccepting = async () => undefined;
  await using engine = await start();
  await eventually(
    'the letter again',
    () => server.taken.length,
    (count) => count === 2,
  );
  await eventually(
    'nothing on its way',
    () => engine.metric('kommutator_outbox_waiting'),
    (count) => count === 0,
  );
  const [first, second] = server.taken.map(readMail);
  expect(second?.headers['message-id']).toBe(first?.headers['message-id']);
  expect(second?.headers).toMatchObject({ from: 'Ромашка <pbx@acme.example>', to: 'anna@acme.example' });
  expect(second?.text).toMatch(
    /^\d\d\.\d\d\.\d{4} в \d\d:\d\d сотрудником Анна пропущен звонок с номера \+79031112233$/,
  );
  expect(engine.program.text).not.toMatch(/the outbox failed|was given up/);
});
