import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedSip } from '../../src/embedded/sip/index.ts';
import { DrachtioConnection } from '../../src/sip/connection.ts';
import type { DrachtioResponse } from '../../src/sip/drachtio.ts';
import { Phone } from '../support/baresip.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { Program } from '../support/process.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { temporaryFolder } from '../support/temp.ts';

/** Clients that others have written against our registrar and guard. */

const pbx = pbxOf({ employees: ['sipp1', 'bare1', 'drac1'].map((name, at) => employee(name, String(100 + at))) });
const password = 'Secret123';

let stack: SipStack;

beforeAll(async () => {
  stack = await startSipStack({ pbxs: [pbx] });
});

afterAll(() => stack.stop());

const nameOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
const registered = (user: string) => stack.registrations.find(user, (line) => line.startsWith(`registered ${user}@`));

describe('a registration by', () => {
  it.each([
    ['the right password', password, 0],
    ['a wrong password', 'Wrong1234', 1],
  ])('sipp, with %s', async (_, secret, exit) => {
    await using folder = await temporaryFolder('sipp');
    const scenario = join(folder.path, 'register.xml');
    await writeFile(scenario, registerScenario(secret));
    const args = [nameOf(stack.endpoint('udp')), ...sippArgs(scenario)];
    await using sipp = await Program.start('sipp', args, { cwd: folder.path });
    const { code } = await sipp.exited;
    expect([code, code === exit ? '' : sipp.text]).toEqual([exit, '']);
    if (exit === 0) await registered('sipp1');
  });

  it.each(['udp', 'tcp'] as const)('baresip over %s', async (transport) => {
    const proxy = nameOf(stack.endpoint(transport));
    const options = { user: 'bare1', password, domain: 'acme.example', proxy, transport, env: {} };
    await using phone = await Phone.register(options);
    expect(phone.options.user).toBe('bare1');
    await registered('bare1');
  });

  it('drachtio-srf as a client, which knows MD5 alone', async () => {
    const client = await startEmbeddedSip({ listen: ['udp://127.0.0.1:0'] });
    try {
      const connection = await DrachtioConnection.open(client, () => undefined);
      const { host, port } = stack.endpoint('udp');
      const response = await new Promise<DrachtioResponse>((resolve, reject) => {
        clientOf(connection).request(
          `sip:${host}:${port}`,
          {
            method: 'REGISTER',
            headers: {
              From: 'sip:drac1@acme.example',
              To: 'sip:drac1@acme.example',
              Contact: 'sip:drac1@127.0.0.1:5070',
              Expires: '300',
            },
            auth: { username: 'drac1', password },
          },
          (error, request) => (error ? reject(error) : request.on('response', resolve)),
        );
      });
      expect(response.status).toBe(200);
      await registered('drac1');
      connection.close();
    } finally {
      await client.close();
    }
  });
});

describe('a call by', () => {
  it('sipp, which is challenged', async () => {
    await using folder = await temporaryFolder('sipp');
    const scenario = join(folder.path, 'call.xml');
    await writeFile(scenario, callScenario);
    const args = [nameOf(stack.endpoint('udp')), ...sippArgs(scenario)];
    await using sipp = await Program.start('sipp', args, { cwd: folder.path });
    const { item: invite } = await stack.invites.find('the call', () => true);
    expect(invite.identity).toMatchObject({ kind: 'account', account: 'sipp1@acme.example' });
    await invite.answer({ sdp: invite.sdp ?? '' });
    const { code } = await sipp.exited;
    expect([code, code === 0 ? '' : sipp.text]).toEqual([0, '']);
  });
});

/** The part of drachtio-srf that the engine itself does not use. */
interface Client {
  request(
    uri: string,
    options: { method: string; headers: Record<string, string>; auth: { username: string; password: string } },
    callback: (
      error: Error | null,
      request: { on(event: 'response', listener: (response: DrachtioResponse) => void): void },
    ) => void,
  ): void;
}

const clientOf = (connection: DrachtioConnection): Client => connection.srf as unknown as Client;

const sippArgs = (scenario: string): string[] =>
  `-sf ${scenario} -m 1 -i 127.0.0.1 -ci 127.0.0.1 -nostdin -timeout 20`.split(' ');

const registerScenario = (secret: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="register">
${registerMessage(1, '')}
<recv response="401" auth="true"/>
${registerMessage(2, `[authentication username=sipp1 password=${secret}]\n`)}
<recv response="200"/>
</scenario>`;

const registerMessage = (cseq: number, authorization: string): string => `<send retrans="500"><![CDATA[
REGISTER sip:acme.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp1@acme.example>;tag=[call_number]
To: <sip:sipp1@acme.example>
Call-ID: [call_id]
CSeq: ${cseq} REGISTER
Contact: <sip:sipp1@[local_ip]:[local_port]>
Max-Forwards: 70
Expires: 120
${authorization}Content-Length: 0

]]></send>`;

const inviteMessage = (cseq: number, authorization: string): string => `<send retrans="500"><![CDATA[
INVITE sip:100@acme.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp1@acme.example>;tag=[call_number]
To: <sip:100@acme.example>
Call-ID: [call_id]
CSeq: ${cseq} INVITE
Contact: <sip:sipp1@[local_ip]:[local_port]>
Max-Forwards: 70
${authorization}Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 4000 RTP/AVP 8
]]></send>
<recv response="100" optional="true"/>`;

const inDialogMessage = (method: string, cseq: string): string => `<send><![CDATA[
${method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp1@acme.example>;tag=[call_number]
To: <sip:100@acme.example>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Max-Forwards: 70
Content-Length: 0

]]></send>`;

const callScenario = `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="call">
${inviteMessage(1, '')}
<recv response="401" auth="true"/>
${inDialogMessage('ACK', '1').replace('[next_url]', 'sip:100@acme.example').replace('[branch]', '[branch-3]')}
${inviteMessage(2, '[authentication username=sipp1 password=Secret123]\n')}
<recv response="200" rrs="true"/>
${inDialogMessage('ACK', '2')}
${inDialogMessage('BYE', '3')}
<recv response="200"/>
</scenario>`;
