import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  parseMessage,
  parseNameAddr,
  parseUri,
  parseVia,
  percentDecode,
  printMessage,
  SipParseError,
  type SipRequest,
  type SipResponse,
  splitList,
  uriHeaders,
} from '../../../../../src/embedded/sip/message/index.ts';

/*
 * The messages of RFC 4475, each with what the RFC says about it. `test.dat` comes with the archive of the messages but not with
 * the RFC: an older draft has it.
 */

const FOLDER = new URL('../../../../data/rfc4475/', import.meta.url);
const bytesOf = (name: string): Buffer => readFileSync(new URL(`${name}.dat`, FOLDER));

const request = (name: string): SipRequest => {
  const message = parseMessage(bytesOf(name));
  if (message.kind !== 'request') throw new Error(`${name} is a response`);
  return message;
};

const response = (name: string): SipResponse => {
  const message = parseMessage(bytesOf(name));
  if (message.kind !== 'response') throw new Error(`${name} is a request`);
  return message;
};

const refusal = (name: string): SipParseError => {
  try {
    parseMessage(bytesOf(name));
  } catch (error) {
    if (error instanceof SipParseError) return error;
    throw error;
  }
  throw new Error(`${name} was accepted`);
};

const tested = new Set<string>();
const torture = (name: string, says: string, check: () => void): void => {
  tested.add(name);
  it(`${name}: ${says}`, check);
};

/** Refused by the parser with a request that the 4xx can be built from. */
const answered = (name: string, says: string, status: number, reason: string): void =>
  torture(name, says, () => {
    const error = refusal(name);
    expect([error.status, error.reason]).toEqual([status, reason]);
    expect(error.partial?.headers.has('Via')).toBe(true);
  });

const dropped = (name: string, says: string): void =>
  torture(name, says, () => expect(refusal(name).partial).toBeUndefined());

describe('RFC 4475 §3.1.1: valid messages', () => {
  torture('wsinv', '§3.1.1.1, white space and folding wherever they are allowed', () => {
    const message = request('wsinv');
    expect(message.uri).toBe('sip:vivekg@chair-dnrc.example.com;unknownparam');
    expect(message.to.params.get('tag')).toBe('1918181833n');
    expect(message.from.displayName).toBe('J Rosenberg \\"');
    expect(message.from.params.get('tag')).toBe('98asjd8');
    expect(Number(message.headers.get('max-forwards'))).toBe(68);
    expect(message.cseq).toEqual({ number: 9, method: 'INVITE' });
    expect(message.headers.get('Subject')).toBe('');
    expect(message.headers.get('newfangledheader')).toBe('newfangled value continued newfangled value');
    expect(message.headers.get('UnknownHeaderWithUnusualValue')).toBe(';;,,;;,;');
    const vias = message.headers.all('Via').map(parseVia);
    expect(vias.map(({ transport, host, params }) => [transport, host, params.get('branch')])).toEqual([
      ['UDP', '192.0.2.2', '390skdjuw'],
      ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
      ['UDP', '192.168.255.111', 'z9hG4bK30239'],
    ]);
    const route = parseNameAddr(message.headers.get('Route') ?? '');
    expect(route.uri.kind === 'sip' && [...route.uri.params.entries()]).toEqual([
      ['lr', ''],
      ['unknownwith', 'value'],
      ['unknown-no-value', ''],
    ]);
    const contact = parseNameAddr(message.headers.get('Contact') ?? '');
    expect(contact.displayName).toBe('Quoted string ""');
    expect([...contact.params.entries()]).toEqual([
      ['newparam', 'newvalue'],
      ['secondparam', ''],
      ['q', '0.33'],
    ]);
    expect(message.body).toHaveLength(150);
  });

  torture('intmeth', '§3.1.1.2, the whole range of characters', () => {
    const message = request('intmeth');
    expect(message.method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
    const uri = parseUri(message.uri);
    expect(uri).toMatchObject({
      kind: 'sip',
      user: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
      password: "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
      host: 'example.com',
    });
    expect(message.via.params.get('branch')).toBe("z9hG4bK-.!%66*_+`'~");
    expect(message.to.displayName).toBe('BEL:\x07 NUL:\x00 DEL:\x7f');
    expect(message.from.displayName).toBe("token1~` token2'+_ token3*%!.-");
    expect(message.from.params.get("fromparam''~+*_!.-%")).toBe('работающий');
    expect(message.from.params.get('tag')).toBe("_token~1'+`*%!-.");
    expect(message.callId).toBe('intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
    expect(message.cseq).toEqual({ number: 139122385, method: message.method });
    expect(message.headers.get("EXTENSIONHEADER-!.%*+_`'~")).toBe('\ufeff大停電');
  });

  torture('esc01', '§3.1.1.3, escapes do not change where a URI is cut', () => {
    const message = request('esc01');
    const uri = parseUri(message.uri);
    expect(uri).toMatchObject({ user: 'sips%3Auser%40example.com', host: 'example.net' });
    expect(uri.kind === 'sip' && percentDecode(uri.user ?? '')).toBe('sips:user@example.com');
    const contact = parseNameAddr(message.headers.get('Contact') ?? '');
    expect(contact.uri.kind === 'sip' && contact.uri.params.get('%6C%72')).toBe('');
    expect(contact.uri.kind === 'sip' && contact.uri.params.has('lr')).toBe(false);
    expect(contact.uri.kind === 'sip' && percentDecode(contact.uri.params.get('n%61me') ?? '')).toBe('value%41');
  });

  torture('escnull', '§3.1.1.4, an escaped null is a character like any other', () => {
    const message = request('escnull');
    expect(message.to.uri).toMatchObject({ user: 'null-%00-null', host: 'example.com' });
    expect(message.headers.all('Contact')).toHaveLength(2);
  });

  torture('esc02', '§3.1.1.5, "%" where it is no escape: in method, header name, display name, branch', () => {
    const message = request('esc02');
    expect(message.method).toBe('RE%47IST%45R');
    expect(message.to.displayName).toBe('%Z%45');
    expect(message.via.params.get('branch')).toBe('z9hG4bK209%fzsnel234');
    expect(message.headers.all('Contact')).toEqual([
      '<sip:alias1@host1.example.com>',
      '<sip:alias3@host3.example.com>',
    ]);
    expect(message.headers.get('C%6Fntact')).toBe('<sip:alias2@host2.example.com>');
  });

  torture('lwsdisp', '§3.1.1.6, no space between display name and "<"', () => {
    expect(request('lwsdisp').from).toMatchObject({ displayName: 'caller', uri: { user: 'caller' } });
  });

  torture('longreq', '§3.1.1.7, long values everywhere', () => {
    const message = request('longreq');
    expect(message.headers.all('Via')).toHaveLength(34);
    expect(parseVia(message.headers.all('Via')[33] ?? '').params.get('received')).toBe('192.0.2.5');
    expect(message.to.displayName).toMatch(/^I have a user name of extreme(extreme)+ proportion$/);
    expect(message.to.uri).toMatchObject({ port: 6000 });
    expect(message.from.params.get('tag')).toMatch(/^1(298)+2424$/);
    expect(message.body).toHaveLength(150);
  });

  torture('dblreq', '§3.1.1.8, what follows the Content-Length in a datagram is ignored', () => {
    const message = request('dblreq');
    expect(message.method).toBe('REGISTER');
    expect(message.body).toHaveLength(0);
  });

  torture('semiuri', '§3.1.1.9, semicolons in the user part are no parameters', () => {
    const message = request('semiuri');
    expect(parseUri(message.uri)).toMatchObject({ user: 'user;par=u%40example.net', host: 'example.com' });
    expect(message.headers.all('Accept')).toEqual([
      'application/sdp',
      'application/pkcs7-mime',
      'multipart/mixed',
      'multipart/signed',
      'message/sip',
      'message/sipfrag',
    ]);
  });

  torture('transports', '§3.1.1.10, transports that nobody has heard of', () => {
    const vias = request('transports').headers.all('Via').map(parseVia);
    expect(vias.map(({ transport }) => transport)).toEqual(['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP']);
  });

  torture('mpart01', '§3.1.1.11, a binary body stays as it is', () => {
    const bytes = bytesOf('mpart01');
    const message = request('mpart01');
    expect(message.body.equals(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))).toBe(true);
    expect(printMessage(message).equals(bytes)).toBe(true);
  });

  torture('unreason', '§3.1.1.12, a reason phrase in Unicode', () => {
    const message = response('unreason');
    expect(message.status).toBe(200);
    expect(message.reason).toBe('= 2**3 * 5**2 но сто девяносто девять - простое');
  });

  torture('noreason', '§3.1.1.13, an empty reason phrase', () => {
    expect(response('noreason')).toMatchObject({ status: 100, reason: '' });
  });
});

describe('RFC 4475 §3.1.2: invalid messages', () => {
  answered('badinv01', '§3.1.2.1, separators without anything to separate: 400', 400, 'Empty parameter');
  answered('clerr', '§3.1.2.2, Content-Length over the datagram: 400', 400, 'Body shorter than its Content-Length');
  answered('ncl', '§3.1.2.3, negative Content-Length: 400', 400, 'Malformed Content-Length');
  answered('scalar02', '§3.1.2.4, numbers that overflow: 400 because of the CSeq', 400, 'Malformed CSeq');
  dropped('scalarlg', '§3.1.2.5, a response whose CSeq overflows: discarded');
  answered('quotbal', '§3.1.2.6, quote without an end: 400', 400, 'Malformed display name');
  answered('ltgtruri', '§3.1.2.7, Request-URI in angle brackets: may be refused, is', 400, 'Malformed URI');
  answered('lwsruri', '§3.1.2.8, space in the Request-URI: may be refused, is', 400, 'Malformed URI');

  torture('lwsstart', '§3.1.2.9, several spaces in the request line: may be accepted, is', () => {
    const message = request('lwsstart');
    expect([message.method, message.uri]).toEqual(['INVITE', 'sip:user@example.com']);
    expect(printMessage(message).toString()).toMatch(/^INVITE sip:user@example\.com SIP\/2\.0\r\n/);
  });

  torture('trws', '§3.1.2.10, space after the request line: may be accepted, is', () => {
    expect(request('trws').uri).toBe('sip:remote-target@example.com');
  });

  answered('escruri', '§3.1.2.11, headers in the Request-URI: 400', 400, 'Headers in the Request-URI');

  torture('baddate', '§3.1.2.12, Date in another zone than GMT: nobody needs the date, may be accepted, is', () => {
    expect(request('baddate').headers.get('Date')).toBe('Fri, 01 Jan 2010 16:00:00 EST');
  });

  answered(
    'regbadct',
    '§3.1.2.13, "?" in a Contact without angle brackets: 400',
    400,
    'URI with "?" or "," needs angle brackets',
  );

  torture('badaspec', '§3.1.2.14, spaces inside the angle brackets: may be stripped, are', () => {
    expect(request('badaspec').to.uri).toMatchObject({ user: 't.watson', host: 'example.org' });
  });

  torture('baddn', '§3.1.2.15, a comma in a display name without quotes: may be accepted, is', () => {
    expect(request('baddn').from).toMatchObject({ displayName: 'Bell, Alexander', uri: { user: 'a.g.bell' } });
  });

  answered('badvers', '§3.1.2.16, SIP/7.0: 505', 505, 'Version Not Supported');
  answered('mismatch01', '§3.1.2.17, CSeq with another method: 400', 400, 'CSeq has another method');
  answered('mismatch02', '§3.1.2.18, the same with a method unknown to us: 400 or 501', 400, 'CSeq has another method');
  dropped('bigcode', '§3.1.2.19, a status of ten digits: discarded');
});

describe('RFC 4475 §3.2 to §3.4: well-formed, the meaning is odd', () => {
  torture('badbranch', '§3.2.1, the cookie alone is no identifier (see the keys of the transactions)', () => {
    expect(request('badbranch').via.params.get('branch')).toBe('z9hG4bK');
  });

  answered('insuf', '§3.3.1, no Call-ID, From, To: 400', 400, 'Missing From');

  torture('unkscm', '§3.3.2, a scheme that nobody knows: 416, by the user agent', () => {
    expect(parseUri(request('unkscm').uri)).toEqual({
      kind: 'other',
      scheme: 'nobodyknowsthisscheme',
      rest: 'totallyopaquecontent',
    });
  });

  torture('novelsc', '§3.3.3, a scheme that is known, but not here: 416, by the user agent', () => {
    expect(parseUri(request('novelsc').uri)).toMatchObject({ kind: 'other', scheme: 'soap.beep' });
  });

  torture('unksm2', '§3.3.4, unknown schemes in To, From and Contact: refused by the registrar', () => {
    const message = request('unksm2');
    expect(message.to.uri).toEqual({ kind: 'other', scheme: 'isbn', rest: '2983792873' });
    expect(message.from.uri).toMatchObject({ kind: 'other', scheme: 'http' });
  });

  torture('bext01', '§3.3.5, Require with unknown options: 420, by the user agent', () => {
    expect(request('bext01').headers.all('Require')).toEqual(['nothingSupportsThis', 'nothingSupportsThisEither']);
  });

  torture('invut', '§3.3.6, an unknown content type: 415, by the user agent', () => {
    expect(request('invut').headers.get('Content-Type')).toBe('application/unknownformat');
  });

  torture('regaut01', '§3.3.7, an unknown authorization scheme: 401, by the registrar', () => {
    expect(request('regaut01').headers.get('Authorization')).toBe('NoOneKnowsThisScheme opaque-data=here');
  });

  answered('multi01', '§3.3.8, headers twice that may be there once: 400', 400, 'Several To headers');
  answered('mcl01', '§3.3.9, two Content-Lengths that contradict each other: 400', 400, 'Malformed Content-Length');

  torture('bcast', '§3.3.10, a response with a Via too many: discarded by the client transaction', () => {
    expect(response('bcast').headers.all('Via')).toHaveLength(2);
  });

  torture('zeromf', '§3.3.11, Max-Forwards 0: answered by a user agent, 483 by a proxy', () => {
    expect(request('zeromf').headers.get('Max-Forwards')).toBe('0');
  });

  torture('cparam01', '§3.3.12, without brackets a parameter is the header’s', () => {
    const contact = parseNameAddr(request('cparam01').headers.get('Contact') ?? '');
    expect(contact.params.has('unknownparam')).toBe(true);
    expect(contact.uri.kind === 'sip' && contact.uri.params.size).toBe(0);
  });

  torture('cparam02', '§3.3.13, within brackets it is the URI’s', () => {
    const contact = parseNameAddr(request('cparam02').headers.get('Contact') ?? '');
    expect(contact.params.size).toBe(0);
    expect(contact.uri.kind === 'sip' && contact.uri.params.has('unknownparam')).toBe(true);
  });

  torture('regescrt', '§3.3.14, a header inside of a Contact URI', () => {
    const { uri } = parseNameAddr(request('regescrt').headers.get('Contact') ?? '');
    expect(uri.kind === 'sip' && uriHeaders(uri)).toEqual([['Route', '<sip:sip.example.com>']]);
  });

  torture('sdp01', '§3.3.15, Accept that we cannot meet: 406, by the user agent', () => {
    expect(splitList(request('sdp01').headers.get('Accept') ?? '')).toEqual(['text/nobodyKnowsThis']);
  });

  torture('inv2543', '§3.4.1, INVITE by the old rules: no branch, no tag, no Max-Forwards, no Content-Length', () => {
    const message = request('inv2543');
    expect(message.via.params.has('branch')).toBe(false);
    expect(message.from.params.has('tag')).toBe(false);
    expect(message.body.toString()).toMatch(/^v=0\r\n[\s\S]*m=audio 49217 RTP\/AVP 0\r\n$/);
  });
});

describe('the rest', () => {
  dropped('test', 'no Via: nobody to answer');

  it('every message of the folder is tested', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.dat'));
    expect([...tested].sort()).toEqual(files.map((name) => name.replace('.dat', '')).sort());
  });
});
