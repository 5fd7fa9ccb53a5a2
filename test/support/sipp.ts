import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePortRange } from './ports.ts';
import { Program } from './process.ts';
import { freePort, temporaryFolder } from './temp.ts';

/**
 * What a scripted peer does in its calls, as parts that are put into one template: sipp is for what a healthy phone would never send, and for
 * many calls at once.
 */
export interface UacScript {
  /** User part and host of the Request-URI: `line1@acme.test`. */
  readonly to: string;
  readonly from?: string;
  /** Codecs and so on, after the `c=` line. Default: PCMA with telephone-event. */
  readonly media?: string;
  /** sipp XML actions when the 200 has come. */
  readonly onAnswer?: string;
  /** sipp XML after the ACK; default: talk for `talkMs`. */
  readonly during?: string;
  readonly talkMs?: number;
  /** Between ringing and the end: hang up before the answer. */
  readonly cancelAfterRinging?: boolean;
  /** The final response that is expected instead of an answer. */
  readonly refusedWith?: number;
}

const withEvents = `m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16`;

const inviteOf = ({ to, from = 'sipp@elsewhere.test', media = withEvents }: UacScript): string => `
<send retrans="500"><![CDATA[
INVITE sip:${to} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:${from}>;tag=[call_number]
To: <sip:${to}>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
${media}
]]></send>
<recv response="100" optional="true"/>`;

const ack = `
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>`;

/** Belongs to the INVITE's transaction (RFC 3261 §17.1.1.3), which began so many messages before. */
const ackOfRefusal = ({ to }: UacScript, back: number): string =>
  ack.replace('[next_url]', `sip:${to}`).replace('[branch]', `[branch-${back}]`);

/** The scenario of a caller. */
export function uacXml(script: UacScript): string {
  const body =
    script.refusedWith !== undefined
      ? `<recv response="${script.refusedWith}"/>${ackOfRefusal(script, 3)}`
      : script.cancelAfterRinging
        ? cancelled(script)
        : answered(script);
  return `<?xml version="1.0" encoding="UTF-8"?><scenario name="uac">${inviteOf(script)}${body}</scenario>`;
}

const answered = ({ onAnswer = '', during, talkMs = 0 }: UacScript): string => `
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true" rtd="true">${onAnswer}</recv>${ack}
${during ?? `<pause milliseconds="${talkMs}"/>`}
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: 9 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>`;

const cancelled = (script: UacScript): string => `
<recv response="180"/>
<send retrans="500"><![CDATA[
CANCEL sip:${script.to} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3]
From: <sip:${script.from ?? 'sipp@elsewhere.test'}>;tag=[call_number]
To: <sip:${script.to}>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
<recv response="487"/>${ackOfRefusal(script, 6)}`;

export interface UasScript {
  readonly ringMs?: number;
  /** After the `c=` line. Default: PCMA. */
  readonly media?: string;
  /** sipp XML actions when the INVITE has come. */
  readonly onInvite?: string;
}

const plain = `m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000`;

/** Once the call is answered: keys by SIP INFO, at most six, and then `talkMs` of call. Audio for each of many calls would be sipp's limit, not ours. */
export const pressing = (digits: string, talkMs: number): string =>
  `${[...digits].map(pressed).join('')}
<pause milliseconds="${talkMs}"/>`;

const pressed = (digit: string, before: number): string => `
<send retrans="500"><![CDATA[
INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: ${2 + before} INFO
Max-Forwards: 70
Content-Type: application/dtmf-relay
Content-Length: [len]

Signal=${digit}
Duration=100
]]></send>
<recv response="200"/>`;

/** Answers every call after `ringMs`, and waits for its end. */
export const uasXml = ({
  ringMs = 0,
  media = plain,
  onInvite = '',
}: UasScript = {}): string => `<?xml version="1.0" encoding="UTF-8"?><scenario name="uas">
<recv request="INVITE">${onInvite}</recv>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
<pause milliseconds="${ringMs}"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
${media}
]]></send>
<recv request="ACK"/>
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>`;

export interface SippResult {
  readonly code: number | null;
  readonly successful: number;
  readonly failed: number;
  /** The screen and the errors, for messages. */
  readonly text: string;
}

export interface SippOptions {
  readonly calls?: number;
  /** Calls per second. */
  readonly rate?: number;
  /** At most so many at once. */
  readonly limit?: number;
  readonly address?: string;
  readonly port?: number;
  /** Its calls are left where they are when this resolves. */
  readonly until?: Promise<unknown>;
  /** Folder with the files that the scenario names. */
  readonly folder?: string;
}

/** Makes calls to `host:port` until all are over. */
export async function sippCalls(target: string, script: UacScript, options: SippOptions = {}): Promise<SippResult> {
  await using folder = await temporaryFolder('sipp');
  const { calls = 1, rate = 10, limit = 2000 } = options;
  const program = await start(folder.path, uacXml(script), options, [
    target,
    '-m',
    String(calls),
    '-r',
    String(rate),
    '-l',
    String(limit),
  ]);
  void options.until?.then(() => program.stop('SIGKILL'));
  const { code } = await program.exited;
  return resultOf(program, code, await readFile(errorFile(folder.path), 'utf8').catch(() => ''));
}

/**
 * A scenario of one's own, for one call: of a caller, where there is a `target`, or of one who is called.
 * @returns what resolves when it is over
 */
export async function sippPlays(
  xml: string,
  options: SippOptions & { readonly target?: string } = {},
): Promise<{ readonly over: Promise<SippResult> } & AsyncDisposable> {
  const folder = await temporaryFolder('sipp');
  const { target } = options;
  const program = await start(folder.path, xml, options, [...(target === undefined ? [] : [target]), '-m', '1']);
  const over = program.exited.then(async ({ code }) =>
    resultOf(program, code, await readFile(errorFile(folder.path), 'utf8').catch(() => '')),
  );
  return {
    over,
    [Symbol.asyncDispose]: async () => {
      await program.stop('SIGKILL');
      await over;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A peer that answers calls, on `127.0.0.1:port`, until it is disposed of. */
export async function sippAnswers(
  options: SippOptions & { readonly ringMs?: number } = {},
): Promise<{ readonly port: number } & AsyncDisposable> {
  const folder = await temporaryFolder('sipp');
  const port = options.port ?? (await freePort());
  const program = await start(folder.path, uasXml({ ringMs: options.ringMs ?? 0 }), { ...options, port }, []);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await program.stop('SIGKILL');
      await folder[Symbol.asyncDispose]();
    },
  };
}

export interface RegistrarScript {
  readonly user: string;
  readonly password: string;
  readonly realm: string;
  /** Seconds. */
  readonly expires: number;
  /** How often an account is registered before it is barred with 403. */
  readonly grants: number;
}

const registrarAnswer = (status: string, more = ''): string => `
<send><![CDATA[
SIP/2.0 ${status}
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
${more}Content-Length: 0

]]></send>`;

const nonce = 'dcd98b7102dd2f0e';

/** The right answer, by RFC 2617 §3.2.2.1 without qop: this sipp has no digest of its own. */
function digest({ user, realm, password }: RegistrarScript): string {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  return md5(`${md5(`${user}:${realm}:${password}`)}:${nonce}:${md5(`REGISTER:sip:${realm}`)}`);
}

const challenged = ({ realm }: RegistrarScript): string =>
  registrarAnswer('401 Unauthorized', `WWW-Authenticate: Digest realm="${realm}", nonce="${nonce}", algorithm=MD5\n`);

/** The parts of a registrar: a challenge to every first attempt, and again to every answer that is wrong. All REGISTERs of an account are one call to sipp. */
const registrarXml = (
  script: RegistrarScript,
): string => `<?xml version="1.0" encoding="UTF-8"?><scenario name="registrar">
<label id="1"/>
<recv request="REGISTER"><action><log message="asked"/></action></recv>${challenged(script)}
<recv request="REGISTER" next="2" test="right"><action>
<ereg regexp="response=.([0-9a-f]+)" search_in="hdr" header="Authorization:" assign_to="field,response"/>
<strcmp assign_to="other" variable="response" value="${digest(script)}"/>
<test assign_to="right" variable="other" compare="equal" value="0"/>
<ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="contact"/>
<log message="answered [$contact]"/>
</action></recv>${challenged(script).replace('<send>', '<send next="1">')}
<label id="2"/>
<nop next="3" test="barred"><action>
<add assign_to="granted" value="1"/>
<test assign_to="barred" variable="granted" compare="greater_than" value="${script.grants}"/>
</action></nop>${registrarAnswer('200 OK', `[last_Contact:]\nExpires: ${script.expires}\n`).replace('<send>', '<send next="1">')}
<label id="3"/>${registrarAnswer('403 Forbidden').replace('<send>', '<send next="1">')}
<Reference variables="field"/>
</scenario>`;

/** An operator that registers one account, until it is disposed of. */
export async function sippRegistrar(script: RegistrarScript): Promise<SippRegistrar> {
  const folder = await temporaryFolder('sipp');
  const port = await freePort();
  const log = join(folder.path, 'asked.log');
  const program = await start(folder.path, registrarXml(script), { port }, ['-trace_logs', '-log_file', log]);
  return {
    port,
    registers: async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
    [Symbol.asyncDispose]: async () => {
      await program.stop('SIGKILL');
      await folder[Symbol.asyncDispose]();
    },
  };
}

export interface SippRegistrar extends AsyncDisposable {
  readonly port: number;
  /** Every REGISTER in order: `asked` without credentials, `answered sip:…` with them and the Contact. */
  registers(): Promise<string[]>;
}

async function start(folder: string, xml: string, options: SippOptions, args: readonly string[]): Promise<Program> {
  const file = join(folder, 'scenario.xml');
  await writeFile(file, xml);
  const { address = '127.0.0.1', port } = options;
  // Apart from those of engines, which take theirs one by one while they run.
  const media = await freePortRange(2, [10_000, 15_000]);
  return Program.start(
    'sipp',
    [
      ...args,
      ...[
        '-sf',
        file,
        '-i',
        address,
        '-mi',
        address,
        '-ci',
        '127.0.0.1',
        '-nostdin',
        // It sends no audio of its own, so it is asked whether it is there.
        '-aa',
        '-trace_err',
        '-error_file',
        errorFile(folder),
      ],
      ...['-timeout', '120s', '-timeout_error', '-mp', String(media.from)],
      // One who plays a file would otherwise send two streams at once, each to be heard in pieces.
      ...(xml.includes('rtp_stream') ? [] : ['-rtp_echo']),
      ...(port === undefined ? [] : ['-p', String(port)]),
    ],
    { cwd: options.folder ?? folder, env: { ...process.env, TERM: 'dumb' } },
  );
}

/** Not standard error: sipp opens it by name, which a pipe to Node does not allow. */
const errorFile = (folder: string): string => join(folder, 'errors.log');

function resultOf(program: Program, code: number | null, errors: string): SippResult {
  const last = (name: string): number => {
    const lines = program.lines.items.filter((line) => line.includes(name));
    return Number(/\|\s*(\d+)\s*$/.exec(lines.at(-1) ?? '')?.[1] ?? Number.NaN);
  };
  return { code, successful: last('Successful call'), failed: last('Failed call'), text: `${program.text}\n${errors}` };
}
