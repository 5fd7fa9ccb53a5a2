import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameError, FrameReader } from '../../../../../src/embedded/sip/protocol/frame.ts';

const read = (reader: FrameReader, text: string): string[] =>
  [...reader.read(Buffer.from(text))].map((payload) => payload.toString());

describe('frames', () => {
  it('are cut out of the stream one after the other', () => {
    expect(read(new FrameReader(), '3#abc5#hello2#xx')).toEqual(['abc', 'hello', 'xx']);
  });

  it('count bytes, not characters', () => {
    const frame = encodeFrame('id|response|привет');
    expect(frame.toString()).toBe(`${Buffer.byteLength('id|response|привет')}#id|response|привет`);
    expect(read(new FrameReader(), frame.toString())).toEqual(['id|response|привет']);
  });

  it('put a CRLF between leader and message, and leave the message as it is', () => {
    const message = Buffer.from([0xff, 0x00, 0x80]);
    const frame = encodeFrame('id|sip', message);
    expect(frame.subarray(frame.indexOf('#') + 1)).toEqual(Buffer.concat([Buffer.from('id|sip\r\n'), message]));
  });

  it.each(['abc', '#abc', '12x#', '-1#a', '0#', '99999999#', ' 3#abc', '3.5#abc'])('are not %j', (text) => {
    expect(() => read(new FrameReader(), text)).toThrow(FrameError);
  });

  it('have a limit that can be raised', () => {
    const reader = new FrameReader(4);
    expect(read(reader, '4#abcd')).toEqual(['abcd']);
    reader.maxBytes = 10;
    expect(read(reader, '10#0123456789')).toEqual(['0123456789']);
    expect(() => read(reader, '11#')).toThrow(FrameError);
  });

  it('come whole, wherever the stream is cut', () => {
    const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 8 });
    const property = fc.property(payloads, fc.array(fc.integer({ min: 1, max: 40 })), (sent, cuts) => {
      const stream = Buffer.concat(sent.flatMap((payload) => [Buffer.from(`${payload.length}#`), payload]));
      const reader = new FrameReader();
      const got: Buffer[] = [];
      let at = 0;
      for (const cut of [...cuts, stream.length]) {
        got.push(...[...reader.read(stream.subarray(at, at + cut))].map((payload) => Buffer.from(payload)));
        at += cut;
      }
      got.push(...reader.read(stream.subarray(at)));
      expect(got.map((payload) => payload.toString('hex'))).toEqual(
        sent.map((payload) => Buffer.from(payload).toString('hex')),
      );
    });
    fc.assert(property);
  });
});
