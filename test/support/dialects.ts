/**
 * One call of a peer that is not ours, as sipp scenarios: what the exchanges of §5.7 write, word by word where it differs from what we write. FreePBX is Asterisk with
 * chan_sip: it shows the caller in From and moves the audio by a re-INVITE as soon as the call stands (`directmedia`). FusionPBX is FreeSWITCH: it shows
 * the name of its gateway in From and the caller in Remote-Party-ID, lets the far end be heard early, and says in a Reason why it hangs up.
 */
export type Dialect = 'asterisk' | 'freeswitch';

export interface DialectCall {
  /** The number that is called. */
  readonly to: string;
  /** Who calls, behind the exchange. */
  readonly from: string;
  /** The final response that is expected instead of an answer. */
  readonly refusedWith?: number;
  /** From the answer to the BYE, which the exchange sends. */
  readonly talkMs?: number;
}

export interface DialectAnswer {
  /** Regular expressions that the INVITE must match: the first its first line, others its headers. */
  readonly expects: { readonly number: string; readonly from?: string };
  /** Unset: the other side hangs up. */
  readonly talkMs?: number;
}

const sdp = {
  asterisk: (port = '[media_port]', version = 1): string => `v=0
o=root 1512403541 ${1512403540 + version} IN IP4 [local_ip]
s=Asterisk PBX 16.25.0
c=IN IP4 [media_ip]
t=0 0
m=audio ${port} RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv`,
  freeswitch: (): string => `v=0
o=FreeSWITCH 1669449600 1669449601 IN IP4 [local_ip]
s=FreeSWITCH
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 0 101 13
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtpmap:13 CN/8000
a=ptime:20`,
} as const;

/** Headers of every request that the exchange sends outside a dialog, and of its answers. */
const words = {
  asterisk: `User-Agent: FPBX-15.0.37(16.25.0)
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE
Supported: replaces, timer`,
  freeswitch: `User-Agent: FreeSWITCH-mod_sofia/1.10.9-release+git~20230126T010203Z~000000~64bit
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY
Supported: timer, path, replaces
Allow-Events: talk, hold, conference, refer`,
} as const satisfies Record<Dialect, string>;

const hangsUp = {
  asterisk: 'X-Asterisk-HangupCause: Normal Clearing\nX-Asterisk-HangupCauseCode: 16',
  freeswitch: 'Reason: Q.850;cause=16;text="NORMAL_CLEARING"',
} as const satisfies Record<Dialect, string>;

const contactOf = (dialect: Dialect, user: string): string =>
  dialect === 'asterisk'
    ? `<sip:${user}@[local_ip]:[local_port]>`
    : `<sip:gw+mango@[local_ip]:[local_port];transport=udp;gw=mango>`;

const scenario = (name: string, body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><scenario name="${name}">${body}</scenario>`;

const send = (text: string, retransmits = true): string =>
  `<send${retransmits ? ' retrans="500"' : ''}><![CDATA[\n${text}\n]]></send>`;

/** The exchange calls us. */
export function dialectCalls(dialect: Dialect, { to, from, refusedWith, talkMs = 0 }: DialectCall): string {
  const target = `sip:${to}@[remote_ip]:[remote_port]`;
  const caller =
    dialect === 'asterisk'
      ? `"${from}" <sip:${from}@[local_ip]>;tag=as5c2f[call_number]`
      : `"Extension" <sip:mango@[remote_ip]>;tag=v0H[call_number]`;
  const invite = send(`INVITE ${target} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: ${caller}
To: <${target}>
Contact: ${contactOf(dialect, from)}
Call-ID: [call_id]
CSeq: 102 INVITE
${words[dialect]}
${dialect === 'freeswitch' ? `X-FS-Support: update_display,send_info\nRemote-Party-ID: "Extension" <sip:${from}@[remote_ip]>;party=calling;screen=yes;privacy=off\n` : ''}Content-Type: application/sdp
Content-Length: [len]

${sdp[dialect]()}`);
  const inDialog = (method: string, cseq: number, more = '', body = '', url = '[next_url]', branch = '[branch]') =>
    send(
      `${method} ${url} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=${branch};rport
Max-Forwards: 70
From: ${caller}
[last_To:]
Contact: ${contactOf(dialect, from)}
Call-ID: [call_id]
CSeq: ${cseq} ${method}
${more === '' ? '' : `${more}\n`}${body === '' ? 'Content-Length: 0\n' : `Content-Type: application/sdp\nContent-Length: [len]\n\n${body}`}`,
      method !== 'ACK',
    );
  const provisional =
    '<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="183" optional="true"/>';
  if (refusedWith !== undefined) {
    const refused = `<recv response="${refusedWith}"/>${inDialog('ACK', 102, '', '', target, '[branch-5]')}`;
    return scenario(dialect, `${invite}${provisional}${refused}`);
  }
  const moves =
    dialect === 'asterisk'
      ? `${inDialog('INVITE', 103, words.asterisk, sdp.asterisk('[media_port+2]', 2))}
         <recv response="100" optional="true"/><recv response="200"/>${inDialog('ACK', 103)}`
      : '';
  return scenario(
    dialect,
    `${invite}${provisional}<recv response="200" rrs="true"/>${inDialog('ACK', 102)}${moves}
     <pause milliseconds="${talkMs}"/>${inDialog('BYE', 104, hangsUp[dialect])}<recv response="200"/>`,
  );
}

/** The exchange is called by us. */
export function dialectAnswers(dialect: Dialect, { expects, talkMs }: DialectAnswer): string {
  const check = (regexp: string, where: string, variable: number) =>
    `<ereg regexp="${escaped(regexp)}" ${where} check_it="true" assign_to="${variable}"/>`;
  const from = expects.from === undefined ? '' : check(`<sip:${expects.from}@`, 'search_in="hdr" header="From:"', 4);
  const invite = `<recv request="INVITE" rrs="true"><action>
    ${check('.*', 'search_in="hdr" header="From:"', 1)}
    ${check('<[^>]+>', 'search_in="hdr" header="To:"', 2)}
    ${check(`^INVITE sip:${expects.number}@`, 'search_in="msg"', 3)}
    ${from}
  </action></recv>`;
  const tag = 'as6d1a[call_number]';
  const response = (status: string, cseq: string, body = '') => `SIP/2.0 ${status}
[last_Via:]
[last_Record-Route:]
From:[$1]
To: [$2];tag=${tag}
Call-ID: [call_id]
CSeq: ${cseq}
${words[dialect]}
Contact: <sip:${expects.number}@[local_ip]:[local_port]>
${body === '' ? 'Content-Length: 0\n' : `Content-Type: application/sdp\nContent-Length: [len]\n\n${body}`}`;
  const inDialog = (method: string, cseq: number, more = '', body = '') =>
    send(
      `${method} [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: [$2];tag=${tag}
To:[$1]
Contact: <sip:${expects.number}@[local_ip]:[local_port]>
Call-ID: [call_id]
CSeq: ${cseq} ${method}
${more === '' ? '' : `${more}\n`}${body === '' ? 'Content-Length: 0\n' : `Content-Type: application/sdp\nContent-Length: [len]\n\n${body}`}`,
      method !== 'ACK',
    );
  const cseq = '[last_cseq_number] INVITE';
  const ringing =
    dialect === 'asterisk'
      ? send(response('180 Ringing', cseq), false)
      : send(response('183 Session Progress', cseq, sdp.freeswitch()), false);
  const moves =
    dialect === 'asterisk'
      ? `${inDialog('INVITE', 102, words.asterisk, sdp.asterisk('[media_port+2]', 2))}
         <recv response="100" optional="true"/><recv response="200"/>${inDialog('ACK', 102)}`
      : '';
  const ends =
    talkMs === undefined
      ? `<recv request="BYE"/>${send(response('200 OK', '[last_cseq_number] BYE'), false)}`
      : `<pause milliseconds="${talkMs}"/>${inDialog('BYE', 103, hangsUp[dialect])}<recv response="200"/>`;
  return scenario(
    dialect,
    `${invite}${send(response('100 Trying', cseq), false)}${ringing}${send(response('200 OK', cseq, sdp[dialect]()))}
     <recv request="ACK"/>${moves}${ends}<Reference variables="1,2,3${expects.from === undefined ? '' : ',4'}"/>`,
  );
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
