import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { Secret } from '../../src/config/secret.ts';
import { type HttpServer, startHttp } from '../../src/http/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { someCall } from '../support/calls.ts';
import { FakeNode, liveCall, registration } from '../support/http-ports.ts';
import { employee, pbxOf } from '../support/pbx.ts';

const token = 'correct-horse';
const node = new FakeNode(pbxOf({ employees: [employee('ivanov', '101')] }));
node.devices.push(registration('ivanov@acme.example'));
node.live.push(
  liveCall({
    parties: [
      { kind: 'employee', id: 'ivanov', name: 'Иванов', address: 'ivanov@acme.example', state: 'ringing', since: 0 },
    ],
  }),
);
node.records.push(someCall({ pbx: 'acme', id: 'one' }), someCall({ pbx: 'acme', id: 'two', outcome: 'missed' }));

let server: HttpServer;
beforeEach(async () => {
  server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    token: new Secret(token),
    ports: node.ports,
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
});
afterEach(() => server.close());

/** Runs a command that asks the node. Cells of a line are two spaces apart. */
async function run(argv: readonly string[], env: Record<string, string> = { API_TOKEN: token }) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(argv, {
    env: { HTTP_LISTEN: new URL(server.url).host, ...env },
    out: (text) => out.push(...text.split('\n')),
    err: (text) => err.push(text),
    color: false,
  });
  return { code, lines: out.map((line) => line.split(/ {2,}/)), out: out.join('\n'), err: err.join('\n') };
}

describe('commands that ask a node', () => {
  it('status: phones and calls, every column filled', async () => {
    const { code, lines } = await run(['status']);
    expect(code).toBe(0);
    expect(lines).toEqual([
      ['ACCOUNT', 'CONTACT', 'FROM', 'USER AGENT', 'EXPIRES'],
      ['ivanov@acme.example', 'sip:ivanov@127.0.0.1:5062', 'udp/127.0.0.1:5062', 'Phone 1.0', '600'],
      [''],
      ['CALL', 'SINCE', 'DIRECTION', 'FROM', 'TO', 'STAGE', 'WITH'],
      ['call-1', '2026-11-02 09:00:00Z', 'in', '79161234567', '74951234567', 'menu', 'Иванов (ringing)'],
    ]);
  });

  it('calls: the latest, every column filled', async () => {
    const { code, lines } = await run(['calls', '--limit', '1']);
    expect(code).toBe(0);
    expect(lines).toEqual([
      ['START', 'DIRECTION', 'FROM', 'TO', 'LINE', 'OUTCOME', 'WAIT', 'TALK', 'ID'],
      ['2026-11-02 09:00:00Z', 'in', '74995530896', '74955646592', '74955646592', 'answered', '6', '37', 'one'],
    ]);
    expect(JSON.parse((await run(['calls', '--json'])).out)).toEqual(node.records);
  });

  it('tell what the node refuses, in its words', async () => {
    expect(await run(['calls', '--pbx', 'nobody'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no PBX "nobody"'),
    });
    expect(await run(['calls', '--limit', '1000'])).toMatchObject({ code: 1, err: expect.stringContaining('"limit"') });
    expect(await run(['status'], { API_TOKEN: 'wrong-horses' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('API_TOKEN'),
    });
  });
});
