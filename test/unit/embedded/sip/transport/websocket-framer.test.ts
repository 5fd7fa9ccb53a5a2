import { describe, expect, it } from 'vitest';
import { MESSAGE_LIMITS } from '../../../../../src/embedded/sip/message/parse.ts';
import type { Frame } from '../../../../../src/embedded/sip/transport/framing.ts';
import { WebSocketFramer } from '../../../../../src/embedded/sip/transport/websocket-framer.ts';
import {
  BINARY,
  CLOSE,
  clientFrame,
  PING,
  PONG,
  readServerFrames,
  TEXT,
} from '../../../../support/websocket-frames.ts';

const BODY = 100;
const LARGEST = MESSAGE_LIMITS.headBytes + BODY;

const show = (frame: Frame): string => {
  if (frame.kind === 'message') return frame.bytes.toString();
  const words = 'answer' in frame ? frame.answer : 'goodbye' in frame ? frame.goodbye : undefined;
  return [frame.kind, ...(words ? readServerFrames(words) : [])].join(': ');
};
const framer = () => new WebSocketFramer(BODY);
const feed = (one: WebSocketFramer, ...chunks: Buffer[]): string[] =>
  chunks.flatMap((chunk) => one.push(chunk)).map(show);
const bytewise = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.from([byte]));

describe('WebSocketFramer', () => {
  it('takes each message, text or binary, long or short, for one of SIP', () => {
    const texts = ['привет', 'x'.repeat(125), 'x'.repeat(126), 'x'.repeat(65_535), 'x'.repeat(LARGEST)];
    expect(feed(framer(), ...texts.map((text) => clientFrame(TEXT, text)))).toEqual(texts);
    const bytes = Buffer.from([0xff, 0x00, 0x0d]);
    expect(framer().push(clientFrame(BINARY, bytes))).toEqual([{ kind: 'message', bytes }]);
  });

  it('does so byte by byte, and of messages in several frames with pings between', () => {
    const frames = [
      clientFrame(TEXT, 'при', { final: false }),
      clientFrame(PING, '1'),
      clientFrame(0, '', { final: false }),
      clientFrame(0, 'вет'),
      clientFrame(TEXT, 'да'),
    ];
    const expected = ['ping: pong 1', 'привет', 'да'];
    expect(feed(framer(), Buffer.concat(frames))).toEqual(expected);
    expect(feed(framer(), ...bytewise(Buffer.concat(frames)))).toEqual(expected);
  });

  it('knows when it is in the middle of a message', () => {
    const one = framer();
    const whole = clientFrame(TEXT, 'abc');
    const states = [whole.subarray(0, 1), whole.subarray(1), clientFrame(TEXT, 'a', { final: false })].map((chunk) => {
      one.push(chunk);
      return one.midMessage;
    });
    expect(states).toEqual([true, false, true]);
  });

  it('answers pings, be they of WebSocket or line ends as on other streams', () => {
    expect(feed(framer(), clientFrame(TEXT, '\r\n\r\n'))).toEqual(['ping: text']);
    const [ping] = framer().push(clientFrame(BINARY, '\r\n\r\n'));
    expect(ping).toEqual({ kind: 'ping', answer: Buffer.from([0x81, 2, 0x0d, 0x0a]) });
    expect(feed(framer(), clientFrame(TEXT, '\r\n'), clientFrame(PONG, 'x'), clientFrame(TEXT, ''))).toEqual([
      'pong',
      'pong',
      'pong',
    ]);
  });

  it('takes leave with the code of the peer, and hears nothing more', () => {
    const left = Buffer.concat([Buffer.from([0x03, 0xe9]), Buffer.from('bye')]);
    expect(feed(framer(), clientFrame(CLOSE, left), clientFrame(TEXT, 'x'))).toEqual(['leaving: close 1001']);
    expect(feed(framer(), clientFrame(CLOSE, ''))).toEqual(['leaving: close']);
  });

  const unfinished = clientFrame(TEXT, 'a', { final: false });
  it.each([
    ['a frame without a mask', [clientFrame(TEXT, 'x', { masked: false })], '1002 frames of clients are masked'],
    ['compression', [clientFrame(TEXT, 'x', { reserved: 0x40 })], '1002 no extension was agreed on'],
    ['an unknown kind', [clientFrame(3, 'x')], '1002 unknown kind of frame'],
    ['an unknown kind of control', [clientFrame(11, 'x')], '1002 unknown kind of frame'],
    ['a long ping', [clientFrame(PING, 'x'.repeat(126))], '1002 control frames are short and whole'],
    ['half a ping', [clientFrame(PING, 'x', { final: false })], '1002 control frames are short and whole'],
    ['a continuation of nothing', [clientFrame(0, 'x')], '1002 frames of one message follow each other'],
    [
      'a message within a message',
      [unfinished, clientFrame(TEXT, 'b')],
      '1002 frames of one message follow each other',
    ],
    ['text that is none', [clientFrame(TEXT, Buffer.from([0xff]))], '1007 text is UTF-8'],
    ['a large message', [clientFrame(TEXT, 'x'.repeat(LARGEST + 1)).subarray(0, 10)], '1009 the message is too large'],
    ['one large in all', [unfinished, clientFrame(0, 'x'.repeat(LARGEST))], '1009 the message is too large'],
    [
      'one larger than any memory',
      [Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
      '1009 the message is too large',
    ],
    [
      'a message in a thousand pieces',
      [unfinished, ...Array.from({ length: 1_000 }, () => clientFrame(0, '', { final: false }))],
      '1008 the message has too many frames',
    ],
  ])('says what is wrong with %s, and hears nothing more', (_, frames, reason) => {
    expect(feed(framer(), ...frames, clientFrame(PING, ''))).toEqual([`garbage: close ${reason}`]);
  });

  it('sends what is text as text, since scripts read nothing else, and other bodies as bytes', () => {
    const sent = ['OPTIONS sip:a SIP/2.0', 'ё'.repeat(100), 'x'.repeat(70_000)];
    for (const text of sent) expect(readServerFrames(framer().wrap(Buffer.from(text)))).toEqual([`text ${text}`]);
    const wrapped = framer().wrap(Buffer.from([0xff, 1]));
    expect(wrapped).toEqual(Buffer.from([0x82, 2, 0xff, 1]));
  });

  it('says why it goes', () => {
    expect(readServerFrames(framer().goodbye('not-sip'))).toEqual(['close 1008 not a SIP message']);
    expect(readServerFrames(framer().goodbye('we-leave'))).toEqual(['close 1001 the server stops']);
    expect(readServerFrames(framer().ping)).toEqual(['ping']);
  });
});
