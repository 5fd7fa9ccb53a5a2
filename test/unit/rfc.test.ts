import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** The documents that comments in src/ refer to. */
const titles: Readonly<Record<number, string>> = {
  1870: 'SMTP Service Extension for Message Size Declaration',
  1918: 'Address Allocation for Private Internets',
  2045: 'MIME Part One: Format of Internet Message Bodies',
  2069: 'An Extension to HTTP: Digest Access Authentication',
  2104: 'HMAC: Keyed-Hashing for Message Authentication',
  2361: 'WAVE and AVI Codec Registries',
  2543: 'SIP: Session Initiation Protocol (obsolete)',
  2617: 'HTTP Authentication: Basic and Digest Access Authentication',
  2782: 'A DNS RR for specifying the location of services (DNS SRV)',
  3261: 'SIP: Session Initiation Protocol',
  3262: 'Reliability of Provisional Responses in SIP',
  3263: 'SIP: Locating SIP Servers',
  3264: 'An Offer/Answer Model with SDP',
  3311: 'The SIP UPDATE Method',
  3323: 'A Privacy Mechanism for SIP',
  3325: 'Private Extensions to SIP for Asserted Identity within Trusted Networks',
  3326: 'The Reason Header Field for SIP',
  3327: 'SIP Extension Header Field for Registering Non-Adjacent Contacts (Path)',
  3362: 'Real-time Facsimile (T.38) - image/t38 MIME Sub-type Registration',
  3463: 'Enhanced Mail System Status Codes',
  3515: 'The SIP Refer Method',
  3550: 'RTP: A Transport Protocol for Real-Time Applications',
  3551: 'RTP Profile for Audio and Video Conferences with Minimal Control',
  3581: 'An Extension to SIP for Symmetric Response Routing (rport)',
  3711: 'The Secure Real-time Transport Protocol (SRTP)',
  3834: 'Recommendations for Automatic Responses to Electronic Mail',
  3842: 'A Message Summary and Message Waiting Indication Event Package for SIP',
  3891: 'The SIP Replaces Header',
  3892: 'The SIP Referred-By Mechanism',
  3903: 'SIP Extension for Event State Publication',
  3927: 'Dynamic Configuration of IPv4 Link-Local Addresses',
  3949: 'File Format for Internet Fax',
  3966: 'The tel URI for Telephone Numbers',
  4028: 'Session Timers in SIP',
  4145: 'TCP-Based Media Transport in SDP',
  4180: 'Common Format and MIME Type for CSV Files',
  4193: 'Unique Local IPv6 Unicast Addresses',
  4291: 'IP Version 6 Addressing Architecture',
  4475: 'SIP Torture Test Messages',
  4568: 'SDP Security Descriptions for Media Streams',
  4733: 'RTP Payload for DTMF Digits, Telephony Tones, and Telephony Signals',
  5321: 'Simple Mail Transfer Protocol',
  5322: 'Internet Message Format',
  5589: 'SIP Call Control - Transfer',
  5626: 'Managing Client-Initiated Connections in SIP',
  5627: 'Obtaining and Using Globally Routable User Agent URIs in SIP',
  5630: 'The Use of the SIPS URI Scheme in SIP',
  5658: 'Addressing Record-Route Issues in SIP',
  5761: 'Multiplexing RTP Data and Control Packets on a Single Port',
  5763: 'Framework for Establishing a Secure Real-time Transport Protocol (SRTP) Security Context Using Datagram Transport Layer Security (DTLS)',
  5806: 'Diversion Indication in SIP',
  5888: 'The Session Description Protocol (SDP) Grouping Framework',
  5890: 'Internationalized Domain Names for Applications (IDNA): Definitions and Document Framework',
  5922: 'Domain Certificates in SIP',
  6026: 'Correct Transaction Handling for 2xx Responses to SIP INVITE Requests',
  6066: 'TLS Extensions: Extension Definitions',
  6141: 'Re-INVITE and Target-Refresh Request Handling in SIP',
  6266: 'Use of the Content-Disposition Header Field in HTTP',
  6455: 'The WebSocket Protocol',
  6598: 'IANA-Reserved IPv4 Prefix for Shared Address Space',
  6665: 'SIP-Specific Event Notification',
  6750: 'The OAuth 2.0 Authorization Framework: Bearer Token Usage',
  7044: 'An Extension to SIP for Request History Information',
  7118: 'The WebSocket Protocol as a Transport for SIP',
  7235: 'HTTP/1.1: Authentication',
  7239: 'Forwarded HTTP Extension',
  7332: 'Loop Detection Mechanisms for SIP Back-to-Back User Agents (B2BUAs)',
  7616: 'HTTP Digest Access Authentication',
  7617: "The 'Basic' HTTP Authentication Scheme",
  8122: 'Connection-Oriented Media Transport over the Transport Layer Security (TLS) Protocol in SDP',
  8445: 'Interactive Connectivity Establishment (ICE): A Protocol for Network Address Translator (NAT) Traversal',
  8760: 'The SIP Digest Access Authentication Scheme',
  8827: 'WebRTC Security Architecture',
  8839: 'Session Description Protocol (SDP) Offer/Answer Procedures for Interactive Connectivity Establishment (ICE)',
  8842: 'Session Description Protocol (SDP) Offer/Answer Considerations for Datagram Transport Layer Security (DTLS) and Transport Layer Security (TLS)',
  8866: 'SDP: Session Description Protocol',
  9110: 'HTTP Semantics',
};

const src = join(import.meta.dirname, '../../src');

/** From the number of an RFC to the parts of src/ that cite it: `sip`, `embedded/media`. */
function citations(): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>();
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(ts|lua|md)$/.test(file)) continue;
    const [first = '', second = ''] = file.split('/');
    const part = first === 'embedded' ? `${first}/${second}` : first;
    for (const [, number] of readFileSync(join(src, file), 'utf8').matchAll(/\bRFC (\d{3,5})\b/g)) {
      const parts = found.get(Number(number)) ?? new Set();
      found.set(Number(number), parts.add(part));
    }
  }
  return found;
}

it('docs/rfc.md lists every RFC that the code cites (vitest -u writes it anew)', async () => {
  const cited = [...citations()].sort(([a], [b]) => a - b);
  expect(cited.filter(([number]) => !titles[number]).map(([number]) => `RFC ${number} needs its title here`)).toEqual(
    [],
  );
  const rows = cited.map(
    ([number, parts]) =>
      `| [${number}](https://www.rfc-editor.org/rfc/rfc${number}) | ${titles[number]} | ${[...parts].sort().join(', ')} |`,
  );
  const text = `# RFCs

Which documents the code refers to, and where in \`src/\`. Written by \`npx vitest run --project unit test/unit/rfc.test.ts -u\`; a test keeps it true.

To be listed here is no claim that a document is implemented as a whole: comments name the section that they follow, or differ from, and the tests beside
them say what is held. \`grep -rn "RFC 3262" src\` shows the places.

| RFC | title | cited in |
|---|---|---|
${rows.join('\n')}
`;
  await expect(text).toMatchFileSnapshot(join(src, '../docs/rfc.md'));
});
