import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { Phone } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { domain, lines, office, password, tunes, writeOffice } from '../support/office.ts';
import { PhoneBank, type RungPhone } from '../support/phone-bank.ts';
import { Program } from '../support/process.ts';
import { sippCalls } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** What goes wrong: bad input of every kind gets a clear answer, and the engine goes on. */

let resources: AsyncDisposableStack;
let engine: Engine;
let document: string;
let env: Record<string, string>;

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  env = resources.use(await startJack()).env;
  const folder = resources.use(await temporaryFolder('config'));
  document = await writeOffice(folder.path);
  engine = resources.use(await Engine.start({ config: folder.path }));
});
afterAll(() => resources.disposeAsync());

/** One datagram to the engine's SIP port, and what comes back within the time that a local answer takes. */
async function sip(message: Buffer | string, answer: RegExp | 'none'): Promise<string> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const [host = '', port] = engine.sip.split(':');
    await new Promise<void>((resolve, reject) =>
      socket.send(message, Number(port), host, (error) => (error ? reject(error) : resolve())),
    );
    if (answer === 'none') return '';
    const [received] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    expect(received.toString()).toMatch(answer);
    return received.toString();
  } finally {
    socket.close();
  }
}

const options = (branch: string) =>
  [
    `OPTIONS sip:${domain} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK${branch}`,
    `From: <sip:probe@elsewhere.test>;tag=${branch}`,
    `To: <sip:${domain}>`,
    `Call-ID: ${branch}`,
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 70',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');

const stillAnswers = (branch: string) => sip(options(branch), /^SIP\/2\.0 200 /);

describe('who may call', () => {
  it('a caller without an account is refused where an account is needed', async () => {
    const result = await sippCalls(engine.sip, { to: `401@${domain}`, from: `anna@${domain}`, refusedWith: 401 });
    expect(result.code, result.text).toBe(0);
    await idle(engine);
  });

  it('an unknown number does not exist', async () => {
    const result = await sippCalls(engine.sip, { to: `line9@${domain}`, from: 'x@elsewhere.test', refusedWith: 401 });
    expect(result.code, result.text).toBe(0);
  });

  it('a wrong password does not register, and is logged for fail2ban', async () => {
    const phone = await Phone.start({ user: 'boris', password: 'Wrong12345', domain, proxy: engine.sip, env });
    // It tries again by itself, until the account is throttled for its address.
    await phone.registered(/503/);
    await phone[Symbol.asyncDispose]();
    await engine.program.lines.find('the log line', (line) =>
      line.includes('SIP authentication failed: address=127.0.0.1'),
    );
  });
});

describe('a callee who cannot be reached', () => {
  it('is unavailable when no phone is registered', async () => {
    const result = await sippCalls(engine.sip, { to: lines.clara, refusedWith: 480 });
    expect(result.code, result.text).toBe(0);
    await idle(engine);
    expect(await lastRecord(engine)).toMatchObject({ outcome: 'missed', reason: 'unavailable' });
  });
});

describe('a caller who cancels while it rings', () => {
  it('gets 487, and the phone stops ringing', async () => {
    const anna = await Phone.register({ user: 'anna', password, domain, proxy: engine.sip, env });
    const result = await sippCalls(engine.sip, { to: lines.forwarding, cancelAfterRinging: true });
    expect(result.code, result.text).toBe(0);
    await anna.next('CALL_INCOMING');
    await anna.next('CALL_CLOSED');
    await anna[Symbol.asyncDispose]();
    await idle(engine);
  });
});

describe('in-band digits', () => {
  it('select from the menu when the caller has no telephone-event', async () => {
    const caller = await sippInBand();
    expect(caller.code, caller.text).toBe(0);
    await idle(engine);
    const record = await lastRecord(engine);
    expect(record.path).toEqual(expect.arrayContaining([expect.objectContaining({ event: 'digit' })]));
  });
});

/** Says nothing for a second, then the tones of key 3, in A-law, and waits for our BYE. */
async function sippInBand() {
  await using folder = await temporaryFolder('inband');
  const raw = join(folder.path, 'three.al');
  const made = await Program.start('sox', [
    '-n',
    '-r',
    '8000',
    '-c',
    '1',
    '-e',
    'a-law',
    '-t',
    'raw',
    raw,
    'synth',
    '0.25',
    'sine',
    '697',
    'synth',
    '0.25',
    'sine',
    'mix',
    '1477',
    'gain',
    '-9',
    'pad',
    '1',
    '1',
  ]);
  expect((await made.exited).code, made.text).toBe(0);
  return await sippCalls(
    engine.sip,
    {
      to: lines.menu,
      media: 'm=audio [media_port] RTP/AVP 8\na=rtpmap:8 PCMA/8000',
      during: `<nop><action><exec rtp_stream="${raw},1,8,PCMA/8000"/></action></nop><pause milliseconds="3000"/>`,
    },
    { folder: folder.path },
  );
}

describe('a reload during a call', () => {
  it('leaves the call on its version; the next one has the new', async () => {
    const stranger = {
      user: 'stranger',
      password: '',
      domain: 'elsewhere.test',
      proxy: engine.sip,
      env,
      registers: false,
    };
    const caller = await Phone.start(stranger);
    caller.dial(lines.menu);
    await caller.next('CALL_ESTABLISHED');
    const changed = office() as { schemes: { id: string; menu?: object }[] };
    const menu = changed.schemes.find(({ id }) => id === 'menu');
    if (menu) menu.menu = { '4': { steps: [{ play: 'third', wait: true }] } };
    await writeFile(document, JSON.stringify(changed));
    await engine.program.lines.find('the reload', (line) => line.includes('configuration reloaded'));
    caller.press('3');
    await eventually(
      'the old menu',
      async () => melody(await caller.heard(), [tunes.third]),
      (heard) => heard.includes(tunes.third),
    );
    await caller.next('CALL_CLOSED');

    await writeFile(document, '{ "pbx": ');
    await engine.program.lines.find('the rejection', (line) => line.includes('configuration rejected'));
    caller.dial(lines.menu);
    await caller.next('CALL_ESTABLISHED');
    caller.press('4');
    await caller.next('CALL_CLOSED');
    await caller[Symbol.asyncDispose]();
    const record = await lastRecord(engine);
    expect(record.path).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ event: 'digit', detail: expect.objectContaining({ digits: '4' }) }),
      ]),
    );
    await writeFile(document, JSON.stringify(office(), null, 2));
    await idle(engine);
  });
});

describe('garbage', () => {
  it('on the SIP port is dropped and counted', async () => {
    // A drachtio server drops it without telling us.
    const malformed = async () => (engine.drachtio ? 0 : engine.metric('kommutator_sip_malformed_total'));
    const before = await malformed();
    await sip(Buffer.from('\x00\xff\xfenothing that is SIP\r\n\r\n', 'latin1'), 'none');
    await sip(Buffer.alloc(60_000, 0x41), 'none');
    await stillAnswers('garbage');
    if (!engine.drachtio) expect(await malformed()).toBeGreaterThan(before);
  });

  it('the torture messages of RFC 4475 do not stop the engine', async () => {
    const folder = join(import.meta.dirname, '../data/rfc4475');
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.dat'));
    expect(files.length).toBeGreaterThan(40);
    for (const [i, file] of files.entries()) {
      await sip(await readFile(join(folder, file)), 'none');
      await stillAnswers(`torture${i}`);
    }
    await idle(engine);
  });
});

describe('a start that cannot succeed', () => {
  it('broken schemes: all errors, exit 1, nothing started', async () => {
    await using folder = await temporaryFolder('broken');
    const broken = office() as { groups: unknown[]; numbers: unknown[]; pbx: Record<string, unknown> };
    broken.groups.push({ id: 'support', membres: [] });
    broken.pbx.timezone = 'Mars/Olympus';
    await writeOffice(folder.path, broken);
    const program = await Engine.launch({ config: folder.path }, join(folder.path, 'var'));
    expect((await program.exited).code).toBe(1);
    expect(program.text).toContain('membres');
    expect(program.text).toContain('members');
    expect(program.text).toContain('Mars/Olympus');
    expect(program.text).not.toMatch(/\bat .*\.ts:\d+/);
  });

  it('a port in use: one line that says which', async () => {
    await using folder = await temporaryFolder('ports');
    await writeOffice(folder.path);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const program = await Engine.launch(
      { config: folder.path, env: { SIP_LISTEN: `tcp://127.0.0.1:${port}`, LOG_LEVEL: 'warn' } },
      join(folder.path, 'var'),
    );
    expect((await program.exited).code).toBe(1);
    taken.close();
    expect(program.text).toContain(`127.0.0.1:${port}`);
    expect(program.text).toMatch(/in use/);
    expect(program.text).not.toMatch(/\bat .*\.ts:\d+/);
  });
});

describe('Redis killed', () => {
  it('is started again, with the registrations; a call in progress does not notice', async () => {
    await using folder = await temporaryFolder('redis');
    await writeOffice(folder.path);
    await using own = await Engine.start({ config: folder.path });
    const phone = { password, domain, proxy: own.sip, env };
    await using anna = await Phone.register({ ...phone, user: 'anna', answers: 'auto' });
    await using boris = await Phone.register({ ...phone, user: 'boris' });
    boris.dial('401');
    await boris.next('CALL_ESTABLISHED');

    const { item } = await own.program.lines.find('redis', (line) => line.includes('private redis-server started'));
    process.kill(JSON.parse(item).pid, 'SIGKILL');
    await own.program.lines.find('the restart', (line) => line.includes('private redis-server started again'));
    expect(await own.metric('kommutator_calls')).toBe(1);
    boris.hangUp();
    await anna.next('CALL_CLOSED');
    await idle(own);

    // Without registering again.
    boris.dial('401');
    await boris.next('CALL_ESTABLISHED');
    boris.hangUp();
    await anna.next('CALL_CLOSED');
    const records = await eventually(
      'both records',
      async () => (await own.api<{ items: unknown[] }>('/api/pbxs/acme/history')).items,
      (items) => items.length === 2,
    );
    expect(records.length).toBe(2);
  });
});

describe('the engine killed', () => {
  it('comes back with its registrations and its history', async () => {
    await using folder = await temporaryFolder('killed');
    await writeOffice(folder.path);
    const varDir = join(folder.path, 'var');
    await using first = await Engine.start({ config: folder.path, varDir });
    await using anna = await Phone.register({ user: 'anna', password, domain, proxy: first.sip, env, answers: 'auto' });
    await using boris = await Phone.register({ user: 'boris', password, domain, proxy: first.sip, env });
    const call = async () => {
      boris.dial('401');
      await boris.next('CALL_ESTABLISHED');
      boris.hangUp();
      await anna.next('CALL_CLOSED');
    };
    const records = (engineNow: Engine, count: number) =>
      eventually(
        `${count} records`,
        async () => (await engineNow.api<{ items: unknown[] }>('/api/pbxs/acme/history')).items.length,
        (length) => length === count,
      );
    await call();
    await records(first, 1);
    await first.program.stop('SIGKILL');

    const listen = `udp://${first.sip},tcp://127.0.0.1:0`;
    await using second = await Engine.start({
      config: folder.path,
      varDir,
      drachtio: first.drachtio,
      env: { SIP_LISTEN: listen },
    });
    await call();
    await records(second, 2);
    // Before the engine stops, or they would wait for an answer to their farewell.
    await Promise.all([anna[Symbol.asyncDispose](), boris[Symbol.asyncDispose]()]);
  });

  it('between the end of a call and its record, which gives way to the next caller of the agent, loses neither', async () => {
    await using folder = await temporaryFolder('killed');
    const company = office();
    await writeOffice(folder.path, {
      ...company,
      numbers: [{ number: '74950000009', scheme: 'sales', source: { passive: `line9@${domain}` } }],
      schemes: [...(company.schemes as object[]), { id: 'sales', steps: [{ forward: { group: 'sales' } }] }],
    });
    const varDir = join(folder.path, 'var');
    await using first = await Engine.start({ config: folder.path, varDir });
    await using phones = await PhoneBank.open(first.sip);
    const rung: RungPhone[] = [];
    phones.onInvite = (call) => {
      if (rung.push(call) === 1) call.answer();
    };
    await phones.register('anna', domain, password);
    const [talking, waiting] = ['79160000001', '79160000002'];
    const call = (from: string) => phones.call(`${from}@elsewhere.test`, `line9@${domain}`);
    await call(talking).answered;
    // What a call has become is kept once a second.
    await eventually(
      'anna to have talked for two seconds',
      () => first.api<{ state: string; since: string | null }[]>('/api/pbxs/acme/employees'),
      (people) => people.some(({ state, since }) => state === 'talking' && Date.now() - Date.parse(since ?? '') > 2000),
    );
    await call(waiting).answered;
    await eventually(
      'the second to wait',
      async () => (await first.api<{ callers: unknown[] }>('/api/pbxs/acme/groups/sales/queue')).callers.length,
      (length) => length === 1,
    );
    // What is left of the first call is done when the second has rung.
    await rung[0]?.bye();
    await first.program.stop('SIGKILL');

    await using second = await Engine.start({ config: folder.path, varDir, drachtio: first.drachtio });
    const records = await eventually(
      'both records',
      async () => (await second.api<{ items: CallRecord[] }>('/api/pbxs/acme/history')).items,
      (items) => items.length === 2,
    );
    expect(records.map(({ from, outcome }) => [from, outcome]).sort()).toEqual([
      [talking, 'answered'],
      [waiting, 'missed'],
    ]);
  });
});
