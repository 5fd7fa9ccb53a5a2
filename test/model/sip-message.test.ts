import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Headers,
  Params,
  parseMessage,
  parseNameAddr,
  parseUri,
  parseVia,
  printMessage,
  printNameAddr,
  printUri,
  printVia,
  type SipMessage,
  SipParseError,
  SipRequest,
  SipResponse,
  sameUri,
} from '../../src/embedded/sip/message/index.ts';
import type { Frame } from '../../src/embedded/sip/transport/framing.ts';
import { StreamFramer } from '../../src/embedded/sip/transport/stream-framer.ts';
import { WebSocketFramer } from '../../src/embedded/sip/transport/websocket-framer.ts';
import { clientFrame } from '../support/websocket-frames.ts';

const FOLDER = new URL('../data/rfc4475/', import.meta.url);
const REAL = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.dat'))
  .map((name) => readFileSync(new URL(name, FOLDER)));

/** What two messages must share to be the same. */
const content = (message: SipMessage) => ({
  start: message.kind === 'request' ? [message.method, message.uri] : [message.status, message.reason],
  headers: [...message.headers].filter(([name]) => !/^(l|content-length)$/i.test(name)),
  body: message.body.toString('hex'),
});

function parsed(bytes: Buffer): SipMessage | undefined {
  try {
    return parseMessage(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(SipParseError);
    return undefined;
  }
}

/** Everything that is read on demand, so that a lazy fault shows. */
function readAll(message: SipMessage): void {
  const readers = { Contact: parseNameAddr, Route: parseNameAddr, Via: parseVia } as const;
  for (const [name, read] of Object.entries(readers)) {
    for (const value of message.headers.all(name)) {
      try {
        read(value);
      } catch (error) {
        expect(error).toBeInstanceOf(SipParseError);
      }
    }
  }
}

const edit = fc.oneof(
  fc.record({ do: fc.constant('flip' as const), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ do: fc.constant('cut' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    do: fc.constant('insert' as const),
    at: fc.nat(),
    text: fc.constantFrom(
      '\r\n',
      '\n',
      ' ',
      '"',
      '<',
      '>',
      ';',
      ',',
      ':',
      '@',
      '%',
      '\0',
      '=',
      '\r\n\r\n',
      '99999999',
      'ы',
    ),
  }),
  fc.record({ do: fc.constant('double' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 200 }) }),
);

const mutated = fc
  .tuple(fc.constantFrom(...REAL), fc.array(edit, { minLength: 1, maxLength: 4 }))
  .map(([original, edits]) => {
    let bytes: Buffer = Buffer.from(original);
    for (const change of edits) {
      const at = change.at % (bytes.length + 1);
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      if (change.do === 'flip') bytes = Buffer.concat([before, Buffer.from([change.byte]), after.subarray(1)]);
      else if (change.do === 'cut') bytes = Buffer.concat([before, after.subarray(change.length)]);
      else if (change.do === 'insert') bytes = Buffer.concat([before, Buffer.from(change.text), after]);
      else bytes = Buffer.concat([before, after.subarray(0, change.length), after]);
    }
    return bytes;
  });

describe('parseMessage', () => {
  it('survives mutations of real messages, and prints what it accepted so that it reads the same', () => {
    let accepted = 0;
    fc.assert(
      fc.property(mutated, (bytes) => {
        const message = parsed(bytes);
        if (!message) return;
        accepted++;
        readAll(message);
        const printed = printMessage(message);
        expect(content(parseMessage(printed))).toEqual(content(message));
        expect(printMessage(parseMessage(printed)).equals(printed)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
    // Both sides of the property are exercised.
    expect(accepted).toBeGreaterThan(250);
  });

  it('survives noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        parsed(Buffer.from(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});

const token = fc.stringMatching(/^[A-Za-z0-9\-.!%*_+`'~]{1,12}$/);
const host = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9-]{0,8}(\.[a-z]{2,4})?$/),
  fc.ipV4(),
  fc.ipV6().map((v6) => `[${v6}]`),
);
const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
const user = fc.option(fc.stringMatching(/^([A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-F]{2}){1,12}$/), { nil: undefined });
const params = fc
  .uniqueArray(fc.tuple(token, fc.oneof(token, fc.constant(true as const))), {
    maxLength: 3,
    selector: ([name]) => name.toLowerCase(),
  })
  .map((entries) => entries.reduce((all, [name, value]) => all.with(name, value), Params.NONE));

const uriText = fc
  .tuple(fc.constantFrom('sip', 'sips'), user, host, port, params)
  .map(
    ([scheme, name, at, number, rest]) =>
      `${scheme}:${name === undefined ? '' : `${name}@`}${at}${number ? `:${number}` : ''}${rest}`,
  );

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.replace(/[\r\n]/g, '').trim());
const display = text.filter((value) => value !== '');

describe('values', () => {
  it('a URI prints as it was, and equals itself', () => {
    fc.assert(
      fc.property(uriText, (value) => {
        const uri = parseUri(value);
        expect(parseUri(printUri(uri))).toEqual(uri);
        expect(sameUri(uri, parseUri(printUri(uri)))).toBe(true);
      }),
    );
  });

  it('a name-addr keeps any display name and any parameter value', () => {
    fc.assert(
      fc.property(fc.option(display, { nil: undefined }), uriText, token, text, (displayName, uri, name, value) => {
        const nameAddr = { displayName, uri: parseUri(uri), params: Params.NONE.with(name, value) };
        const again = parseNameAddr(printNameAddr(nameAddr));
        expect([again.displayName, again.params.get(name)]).toEqual([displayName, value]);
        expect(printUri(again.uri)).toBe(printUri(nameAddr.uri));
      }),
    );
  });

  it('a Via keeps host, port and parameters', () => {
    fc.assert(
      fc.property(host, port, params, (at, number, rest) => {
        const value = `SIP/2.0/UDP ${at}${number ? `:${number}` : ''}${rest}`;
        expect(printVia(parseVia(value))).toBe(value);
      }),
    );
  });

  it('parse(print(message)) is the message', () => {
    const headers = fc.array(fc.tuple(fc.oneof(token, fc.constantFrom('X-A', 'subject', 'Supported', 's')), text), {
      maxLength: 8,
    });
    const special = /^(v|f|t|i|m|l|via|from|to|call-id|cseq|contact|max-forwards|content-length)$/i;
    const body = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(token, uriText, headers, body, fc.boolean(), (method, uri, extra, bytes, isRequest) => {
        const all = Headers.from([
          ['v', 'SIP/2.0/UDP h;branch=z9hG4bK1'],
          ['From', '<sip:a@b>;tag=1'],
          ['T', '<sip:c@d>'],
          ['Call-ID', 'x'],
          ['CSeq', `1 ${method}`],
          ...extra.filter(([name]) => !special.test(name)),
        ] as [string, string][]);
        const message = isRequest ? new SipRequest(method, uri, all, bytes) : new SipResponse(200, 'OK', all, bytes);
        expect(content(parseMessage(printMessage(message)))).toEqual(content(message));
      }),
    );
  });
});

describe('StreamFramer', () => {
  const show = (frame: Frame): string => (frame.kind === 'message' ? frame.bytes.toString('latin1') : frame.kind);

  it('yields the same frames however the stream is cut', () => {
    const piece = fc.oneof(
      fc
        .uint8Array({ maxLength: 50 })
        .map((body) =>
          Buffer.concat([Buffer.from(`MESSAGE sip:a SIP/2.0\r\nl: ${body.length}\r\n\r\n`), body]).toString('latin1'),
        ),
      fc.constant('\r\n\r\n'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (pieces, cuts) => {
        const stream = Buffer.from(pieces.join(''), 'latin1');
        const at = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
        const framer = new StreamFramer(1_000);
        const frames = [0, ...at].flatMap((from, index) =>
          framer.push(stream.subarray(from, at[index] ?? stream.length)),
        );
        expect(frames.map(show)).toEqual(pieces.map((part) => (part === '\r\n\r\n' ? 'ping' : part)));
      }),
      { numRuns: 500 },
    );
  });

  it('survives mutations', () => {
    fc.assert(
      fc.property(mutated, fc.nat(), (bytes, cut) => {
        const framer = new StreamFramer(1_000);
        const at = cut % (bytes.length + 1);
        for (const frame of [...framer.push(bytes.subarray(0, at)), ...framer.push(bytes.subarray(at))]) {
          if (frame.kind === 'message') parsed(frame.bytes);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('WebSocketFramer', () => {
  const plain = fc.record({ opcode: fc.constantFrom(1, 2, 8, 9, 10), payload: fc.string({ maxLength: 200 }) });
  const odd = fc.record({
    opcode: fc.nat({ max: 15 }),
    payload: fc.uint8Array({ maxLength: 200 }),
    final: fc.boolean(),
    masked: fc.boolean(),
    reserved: fc.constantFrom(0, 0, 0, 0x10, 0x40),
  });
  const frame = fc.oneof(
    plain.map(({ opcode, payload }) => clientFrame(opcode, payload)),
    odd.map(({ opcode, payload, ...how }) => clientFrame(opcode, payload, how)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  );
  const shown = (frames: Frame[]): string =>
    JSON.stringify(frames.map((one) => (one.kind === 'message' ? one.bytes.toString('hex') : one)));

  it('yields the same frames however the stream is cut, and nothing after the last words', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, cuts) => {
        const stream = Buffer.concat(frames);
        const at = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
        const whole = new WebSocketFramer(1_000).push(stream);
        const framer = new WebSocketFramer(1_000);
        const cut = [0, ...at].flatMap((from, index) => framer.push(stream.subarray(from, at[index] ?? stream.length)));
        expect(shown(cut)).toBe(shown(whole));
        const last = whole.findIndex(({ kind }) => kind === 'garbage' || kind === 'leaving');
        expect(last).toBeOneOf([-1, whole.length - 1]);
        for (const one of whole) if (one.kind === 'message') parsed(one.bytes);
      }),
      { numRuns: 1_000 },
    );
  });
});
