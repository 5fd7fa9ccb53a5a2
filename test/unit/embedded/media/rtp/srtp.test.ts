import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Srtp } from '../../../../../src/embedded/media/rtp/srtp.ts';
import type { SrtpSuite } from '../../../../../src/media/sdp/crypto.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const key = (text: string) => hex(text).toString('base64');

/** The master key and salt of RFC 3711 appendix B.3, and others. */
const one = key('E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6');
const other = key('000102030405060708090A0B0C0D0E0F 101112131415161718191A1B1C1D');

const ends = (suite: SrtpSuite = 'AES_CM_128_HMAC_SHA1_80') =>
  [new Srtp({ suite, local: one, remote: other }), new Srtp({ suite, local: other, remote: one })] as const;

function rtp(sequence: number, payload: Uint8Array = Buffer.from('twenty milliseconds'), ssrc = 0xcafebabe): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  packet.writeUInt8(0x80, 0);
  packet.writeUInt8(8, 1);
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(sequence * 160, 4);
  packet.writeUInt32BE(ssrc, 8);
  packet.set(payload, 12);
  return packet;
}

function rtcp(ssrc = 0xcafebabe): Buffer {
  const packet = Buffer.alloc(28, 7);
  packet.set([0x80, 200, 0, 6]);
  packet.writeUInt32BE(ssrc, 4);
  return packet;
}

/** The packet that libsrtp's own test has, with the key of RFC 3711 B.3: other implementations make and take the same. */
const known = {
  plain: hex('800f1234 decafbad cafebabe abababab abababab abababab abababab'),
  protected: hex('800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb'),
};

describe('SRTP', () => {
  it('makes and takes the packets of other implementations', () => {
    const [sender, receiver] = ends();
    expect(Buffer.from(sender.protect(known.plain)).toString('hex')).toBe(known.protected.toString('hex'));
    expect(receiver.unprotect(known.protected)).toEqual(known.plain);
  });

  it.each(['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const)(
    'brings everything across with %s',
    (suite) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(65_535), (payload, sequence) => {
          const [sender, receiver] = ends(suite);
          const packet = rtp(sequence, payload);
          const wire = sender.protect(packet);
          expect(wire).toHaveLength(packet.length + (suite.endsWith('80') ? 10 : 4));
          if (payload.length > 8) expect(Buffer.from(wire).includes(Buffer.from(payload))).toBe(false);
          expect(receiver.unprotect(wire)).toEqual(packet);
          const report = rtcp();
          expect(receiver.unprotectControl(sender.protectControl(report))).toEqual(report);
        }),
      );
    },
  );

  it('leaves sources and extension in the clear, as others have to read them', () => {
    const [sender, receiver] = ends();
    const packet = Buffer.concat([
      rtp(1, Buffer.alloc(0)),
      hex('00000001 00000002 BEDE0001 11223344'),
      Buffer.from('payload'),
    ]);
    packet.writeUInt8(0x92, 0);
    const wire = sender.protect(packet);
    expect(wire.subarray(0, 28)).toEqual(packet.subarray(0, 28));
    expect(Buffer.from(wire).includes('payload')).toBe(false);
    expect(receiver.unprotect(wire)).toEqual(packet);
  });

  it('goes on when the numbers begin anew, though packets are lost, late or in another order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ skip: fc.integer({ min: 1, max: 3000 }), swap: fc.boolean() }), {
          minLength: 2,
          maxLength: 60,
        }),
        fc.nat(65_535),
        (steps, from) => {
          const [sender, receiver] = ends();
          let at = from;
          // Who is not there from the beginning cannot know how often the numbers have begun anew.
          expect(receiver.unprotect(sender.protect(rtp(at)))).toEqual(rtp(at));
          const wires = steps.map(({ skip }) => {
            // In order, as we send.
            for (let i = 1; i < skip; i += 1000) sender.protect(rtp((at + i) & 0xffff));
            at += skip;
            return { packet: rtp(at & 0xffff), wire: sender.protect(rtp(at & 0xffff)) };
          });
          for (let i = 1; i < wires.length; i++) {
            const [before, after] = [wires[i - 1], wires[i]];
            // Near neighbours only: what is further behind than the window is refused on purpose.
            if (steps[i]?.swap && (steps[i]?.skip ?? 0) < 100 && i > 1 && before && after)
              [wires[i - 1], wires[i]] = [after, before];
          }
          for (const { packet, wire } of wires) expect(receiver.unprotect(wire)).toEqual(packet);
        },
      ),
    );
  });

  it('takes no packet twice, none that is much too old, none of RTCP either', () => {
    const [sender, receiver] = ends();
    const wires = Array.from({ length: 300 }, (_, i) => sender.protect(rtp(i)));
    expect(wires.slice(1).every((wire) => receiver.unprotect(wire) !== undefined)).toBe(true);
    expect(receiver.unprotect(wires[0] as Uint8Array)).toBeUndefined();
    expect(receiver.unprotect(wires[299] as Uint8Array)).toBeUndefined();
    const report = sender.protectControl(rtcp());
    expect(receiver.unprotectControl(report)).toEqual(rtcp());
    expect(receiver.unprotectControl(report)).toBeUndefined();
  });

  it('takes nothing that anybody has touched, or made with another key, and is not confused by it', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, change, isControl) => {
        const [sender, receiver] = ends();
        const wire = Buffer.from(isControl ? sender.protectControl(rtcp()) : sender.protect(rtp(7)));
        const touched = Buffer.from(wire);
        touched.writeUInt8(touched.readUInt8(at % wire.length) ^ change, at % wire.length);
        const take = (bytes: Uint8Array) => (isControl ? receiver.unprotectControl(bytes) : receiver.unprotect(bytes));
        expect(take(touched)).toBeUndefined();
        expect(take(wire)).toEqual(isControl ? rtcp() : rtp(7));
      }),
    );
    const [sender] = ends();
    expect(sender.unprotect(sender.protect(rtp(1)))).toBeUndefined();
  });

  it('takes nothing that is too short, whatever it is', () => {
    const [, receiver] = ends();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(receiver.unprotect(bytes)).toBeUndefined();
        expect(receiver.unprotectControl(bytes)).toBeUndefined();
      }),
    );
  });

  it('tells the sources of a peer apart, and keeps a few', () => {
    const [sender, receiver] = ends();
    for (let ssrc = 1; ssrc <= 20; ssrc++) {
      const packet = rtp(65_535, Buffer.from('x'), ssrc);
      expect(receiver.unprotect(sender.protect(packet))).toEqual(packet);
    }
    const next = rtp(0, Buffer.from('y'), 20);
    expect(receiver.unprotect(sender.protect(next))).toEqual(next);
  });
});
