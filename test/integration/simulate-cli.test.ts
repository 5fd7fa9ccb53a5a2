import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimulationResult } from '../../src/simulator/result.ts';
import { audioFiles, line, manualExample } from '../support/manual-example.ts';
import { Folder } from '../unit/config/folder.ts';

/** `kommutator simulate` as a user starts it, with the worked example of §4.4.2.1 as its configuration. */

let folder: Folder;
beforeAll(async () => {
  const audio = Object.entries(audioFiles()).map(([path, bytes]) => [`acme/${path}`, bytes]);
  folder = await Folder.with({ 'acme/acme.json': manualExample(), ...Object.fromEntries(audio) });
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Whoever opens a port, connects anywhere or starts another program is stopped. */
const alone = `data:text/javascript,${encodeURIComponent(`
  import net from 'node:net';
  import dgram from 'node:dgram';
  const never = (what) => () => { throw new Error('simulate must not ' + what); };
  net.Server.prototype.listen = never('listen');
  net.Socket.prototype.connect = never('connect');
  dgram.Socket.prototype.bind = never('bind');
`)}`;
const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** Without a PATH nothing can be started, no redis-server either; and of Node's permissions it has only those for files. */
function simulate(...argv: readonly string[]) {
  const node = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--disable-warning=SecurityWarning'];
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(
      process.execPath,
      [...node, '--import', alone, cli, 'simulate', ...argv],
      { env: { KOMMUTATOR_CONFIG: folder.path } },
      (error, out, err) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}

const noon = ['--at', '2026-11-02T12:00'] as const; // a Monday
const call = (...more: readonly string[]) => simulate('acme', '--to', line, '--from', '79161234567', ...more);

async function result(...more: readonly string[]): Promise<SimulationResult> {
  const { code, out, err } = await call('--json', ...more);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
}

/** What happened, in short: `12 ring petrov`. */
const short = ({ path }: SimulationResult): string[] =>
  path
    .filter(({ event }) => event !== 'wait')
    .map(({ t, event, detail }) => {
      const { audio, digits, employee, group, to } = detail;
      return [t, event, digits ?? audio ?? employee ?? group ?? to].filter((one) => one !== undefined).join(' ');
    });

describe.concurrent('the worked example of §4.4.2.1, point by point', () => {
  const begin = ['0 rule', '0 scheme', '0 branch'];
  const message = 'voicemail example@example.ru';

  it.each([
    ['working days from 09:00', '2026-11-02T09:00', 'welcome'],
    ['to 18:59, and its last second', '2026-11-02T18:59:59', 'welcome'],
    ['not before', '2026-11-02T08:59:59', 'night'],
    ['not after', '2026-11-02T19:00', 'night'],
    ['not on a Saturday', '2026-11-07T12:00', 'night'],
    ['not on a public holiday', '2026-11-04T12:00', 'night'],
    ['by the clocks of Moscow, wherever the time was written', '2026-11-02T18:00+10:00', 'welcome'],
  ])('the greeting of %s', async (_, at, greeting) => {
    const { path } = await result('--at', at, '--do', 'hangup');
    expect(path.find(({ event }) => event === 'play')?.detail).toMatchObject({ audio: greeting });
  });

  it('is heard to its end, and then the call waits for a key', async () => {
    const { path } = await result(...noon, '--do', 'wait 13; hangup');
    expect(path.map(({ t, event }) => `${t} ${event}`)).toEqual([...begin, '0 play', '12 wait', '13 hangup']);
  });

  it('1: «Клиентский отдел»', async () => {
    const heard = await result(...noon, '--do', 'wait 3; press 1', '--answer', 'petrov@7');
    expect(short(heard)).toEqual([
      ...begin,
      '0 play welcome',
      '3 digit 1',
      '3 branch',
      '3 queue clients',
      '3 ring petrov',
      '10 answer petrov',
      '10 connect petrov',
      '70 hangup',
    ]);
    expect(heard).toMatchObject({
      answered: true,
      ended: { t: 70, by: 'engine', stage: 'conversation', reason: 1120 },
    });
  });

  it('1, no answer within 20 seconds: a voice message', async () => {
    const heard = await result(...noon, '--do', 'press 1');
    expect(short(heard)).toContain('0 ring petrov');
    expect(short(heard).slice(-4, -1)).toEqual(['20 noAnswer petrov', '20 noAnswer clients', `20 ${message}`]);
    expect(heard.answered).toBe(false);
  });

  it('2: «Отдел продаж» for 20 seconds, a certain employee for 60, a voice message', async () => {
    const heard = short(await result(...noon, '--do', 'press 2'));
    expect(heard.filter((step) => !step.includes('noAnswer')).slice(4, -1)).toEqual([
      '0 digit 2',
      '0 branch',
      '0 queue sales',
      '0 ring orlov',
      '20 ring sidorov',
      `80 ${message}`,
    ]);
    const answered = await result(...noon, '--do', 'press 2', '--answer', 'sidorov@59');
    expect(short(answered)).toContain('79 connect sidorov');
  });

  it('a fax is received and goes to petrov@host.ru', async () => {
    expect(short(await result(...noon, '--do', 'wait 2; fax'))).toContain('2 fax petrov@host.ru');
  });

  it('no key: «Клиентский отдел», and without an answer a voice message', async () => {
    const heard = short(await result(...noon));
    expect(heard).toContain('22 queue clients');
    expect(heard).toContain(`42 ${message}`);
  });

  it('a wrong key: another greeting and a voice message', async () => {
    const heard = short(await result(...noon, '--do', 'press 7'));
    expect(heard.slice(-5, -1)).toEqual(['0 rule', '0 branch', '0 play wrong', `4 ${message}`]);
  });

  it('outside working hours: a greeting, then a fax for the default address', async () => {
    const { path } = await result('--at', '2026-11-02T21:00');
    expect(path.find(({ event }) => event === 'fax')).toMatchObject({ t: 6, detail: { to: [] } });
  });
});

describe.concurrent('the command', () => {
  it('tells the story to people, each step with its second, place and reason', async () => {
    const { code, out, err } = await call(...noon, '--do', 'press 1; wait 20; hangup', '--busy', 'petrov');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = out.split('\n').map((text) => text.trim());
    expect(lines[0]).toBe('Call from 79161234567 to 74950000001, Monday 2026-11-02 12:00:00 (Europe/Moscow)');
    expect(lines[4]?.replaceAll(/ +/g, ' ')).toBe(
      '0.0 s main/workdays branch 1, because 2026-11-02 is a workday (Monday) and 12:00 (Europe/Moscow) is within 09:00-18:59',
    );
    expect(out).toMatch(/0\.0 s +main\/workdays\/1 +the caller enters 1: key 1 of the menu/);
    expect(out).toMatch(/0\.0 s +main\/workdays\/1:0 +group clients \(Клиентский отдел\)/);
    expect(out).toMatch(/petrov is not reached: .*busy/i);
    expect(out).toMatch(/waits in the queue of clients/);
    expect(lines.at(-2)).toMatch(/^Missed\. Ended after 20\.0 s by/);
  });

  it('gives exactly the keys that are promised to programs', async () => {
    const heard = await result(...noon, '--do', 'press 1', '--answer', 'petrov');
    expect(Object.keys(heard)).toEqual(['answered', 'ended', 'path']);
    expect(Object.keys(heard.ended)).toEqual(['t', 'by', 'stage', 'reason']);
    for (const step of heard.path) expect(Object.keys(step)).toEqual(['t', 'state', 'event', 'detail', 'why']);
    expect(heard.path.find(({ event }) => event === 'ring')).toEqual({
      t: 0,
      state: 'main/workdays/1:0',
      event: 'ring',
      detail: { employee: 'petrov', sip: 'petrov@acme.example', group: 'clients' },
      why: 'by the order of the list',
    });
  });

  it('lets people be busy, decline, or have no phone', async () => {
    const sidorov = ['--from', 'orlov', '--to', '451', '--json'] as const;
    const outcomes = await Promise.all(
      [
        ['--busy', 'sidorov'],
        ['--decline', '451'],
        ['--offline', 'sidorov'],
        ['--answer', 'sidorov@acme.example'],
      ].map(async (role) => JSON.parse((await simulate('acme', ...sidorov, ...role)).out) as SimulationResult),
    );
    const why = outcomes.map(({ path }) => path.findLast(({ event }) => /noAnswer|connect/.test(event)));
    expect(why.map((step) => step?.detail.reason ?? step?.event)).toEqual([
      'busy',
      'declined',
      'unavailable',
      'connect',
    ]);
  });

  it('says what the caller did not come to do', async () => {
    const { out } = await call(...noon, '--do', 'press 1; wait 90; press 5 6', '--answer', 'petrov');
    expect(out).toMatch(/The caller did not come to: wait 90; press "5" and "6"$/m);
  });

  it.each([
    [['acme', '--from', '79161234567'], 64, '--to is missing', '--help'],
    [['acme', '--to', line], 64, '--from is missing', '--help'],
    [['--to', line, '--from', 'x'], 64, 'which PBX?', '--help'],
    [['acme', '--too', line], 64, 'unknown option --too', 'Did you mean --to?'],
    [['acne', '--to', line, '--from', '7'], 1, 'there is no PBX "acne"', 'Did you mean "acme"?'],
    [['acme', '--to', '7495000001', '--from', '7'], 1, 'neither a line nor an extension "7495000001"', `"${line}"`],
    [['acme', '--to', line, '--from', 'orlv'], 1, '--from: "orlv"', 'Did you mean "orlov"?'],
  ] as const)('%j: %i', async (argv, code, message, hint) => {
    const failed = await simulate(...argv);
    expect({ code: failed.code, out: failed.out }).toEqual({ code, out: '' });
    const [first, second, ...more] = failed.err.trim().split('\n');
    expect([first, second]).toEqual([expect.stringContaining(message), expect.stringContaining(hint)]);
    expect(more).toEqual([]);
  });

  it.each([
    [['--at', '2026-02-30'], 1, '--at: "2026-02-30" is no moment', 'clocks of Europe/Moscow'],
    [['--at', 'noon'], 1, '--at: "noon" is no moment', '2026-11-04T12:00+03:00'],
    [['--answer', 'petrv'], 1, '--answer: there is no employee "petrv"', 'Did you mean "petrov"?'],
    [['--answer', 'petrov@soon'], 1, '"soon" is no number of seconds', '"petrov@5"'],
    [['--busy', 'petrov', '--answer', 'petrov'], 1, '"petrov" can do only one thing', 'once'],
    [['--do', 'press 1; wiat 20'], 1, '--do, command 2 ("wiat 20"): "wiat"', 'Did you mean "wait"?'],
    [['--do', 'press 1x'], 1, '--do, command 1 ("press 1x"): "x" is no key', '0 to 9, * and #'],
    [['--do', 'wait soon'], 1, 'command 1 ("wait soon")', '"wait 20"'],
    [['--do', 'hangup; press 1'], 1, '--do, command 2 ("press 1")', 'last command'],
    [['--talk', 'long'], 64, '--talk: "long" is no number', '--help'],
  ] as const)('a call with %j: %i', async (argv, code, message, hint) => {
    const failed = await call(...argv);
    expect({ code: failed.code, out: failed.out }).toEqual({ code, out: '' });
    const [first, second, ...more] = failed.err.trim().split('\n');
    expect([first, second]).toEqual([expect.stringContaining(message), expect.stringContaining(hint)]);
    expect(more).toEqual([]);
  });

  it('shows the errors of a configuration as `check` does, and simulates nothing', async () => {
    await using broken = await Folder.with({
      'acme.json': {
        ...manualExample(),
        numbers: [{ number: line, scheme: 'mian', source: { passive: 'a@b.example' } }],
      },
    });
    const failed = await call('--config', broken.path);
    expect({ code: failed.code, out: failed.out }).toEqual({ code: 1, out: '' });
    expect(failed.err).toContain('numbers[0].scheme');
    expect(failed.err).toContain('Did you mean "main"?');
  });
});
