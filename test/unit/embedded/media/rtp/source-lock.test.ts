import { beforeEach, describe, expect, it } from 'vitest';
import { RtpPacket, writeHeader } from '../../../../../src/embedded/media/rtp/packet.ts';
import { SourceLock } from '../../../../../src/embedded/media/rtp/source-lock.ts';

const PEER = { address: '192.0.2.1', port: 4000 };
const OTHER = { address: '198.51.100.7', port: 6000 };

const packetOf = (sequence: number, ssrc = 1): RtpPacket => {
  const bytes = new Uint8Array(172);
  writeHeader(bytes, 0, false, 8, sequence, 0, ssrc);
  const packet = new RtpPacket();
  packet.parse(bytes);
  return packet;
};

describe('SourceLock', () => {
  let lock: SourceLock;
  const from = (source: typeof PEER, sequence: number, { ms = 0, ssrc = 1 } = {}) =>
    lock.admit(source.address, source.port, packetOf(sequence, ssrc), ms);

  beforeEach(() => {
    lock = new SourceLock();
    lock.expect(PEER.address, PEER.port);
  });

  it('believes the address of the SDP at once, and then nobody else', () => {
    expect(lock.target).toEqual(PEER);
    expect(from(PEER, 1)).toBe('accepted');
    expect([1, 2, 3, 4, 5].map((n) => from(OTHER, n))).toEqual(new Array(5).fill('rejected'));
    expect(lock.target).toEqual(PEER);
  });

  it('believes another source after three packets in sequence (a NAT)', () => {
    expect([7, 8, 9, 10].map((n) => from(OTHER, n))).toEqual(['probation', 'probation', 'accepted', 'accepted']);
    expect(lock.target).toEqual(OTHER);
  });

  it.each([
    ['out of sequence', [1, 2, 2, 4, 9, 10]],
    ['far apart', [1, 100, 200, 300]],
  ])('does not believe another source whose packets are %s', (_what, sequence) => {
    expect(new Set(sequence.map((n) => from(OTHER, n)))).toEqual(new Set(['probation']));
    expect(lock.target).toEqual(PEER);
  });

  it('does not believe another source that changes its SSRC', () => {
    expect([1, 2, 3, 4].map((n) => from(OTHER, n, { ssrc: n }))).not.toContain('accepted');
  });

  it('prefers the address of the SDP to one that was learned', () => {
    for (const n of [1, 2, 3]) from(OTHER, n);
    expect(from(PEER, 50)).toBe('accepted');
    expect(from(OTHER, 4)).toBe('rejected');
  });

  it('lets the peer move after a long silence, not before', () => {
    from(PEER, 1, { ms: 0 });
    expect([1, 2, 3].map((n) => from(OTHER, n, { ms: 9_999 }))).not.toContain('accepted');
    expect([4, 5, 6].map((n) => from(OTHER, n, { ms: 10_000 }))).toEqual(['probation', 'probation', 'accepted']);
    expect(lock.target).toEqual(OTHER);
  });

  it('lets the peer move after a renegotiation, and keeps the former source until then', () => {
    for (const n of [1, 2, 3]) from(OTHER, n);
    lock.expect(PEER.address, PEER.port);
    expect(lock.target).toEqual(OTHER);
    const third = { address: '203.0.113.9', port: 7000 };
    expect([1, 2, 3].map((n) => from(third, n))).toEqual(['probation', 'probation', 'accepted']);
    expect(lock.target).toEqual(third);
  });

  it('stays when the former source goes on after a renegotiation', () => {
    for (const n of [1, 2, 3]) from(OTHER, n);
    lock.expect(PEER.address, PEER.port);
    expect(from(OTHER, 4)).toBe('accepted');
    expect(from({ address: '203.0.113.9', port: 7000 }, 1)).toBe('rejected');
  });

  it('forgets the former source when the peer names another address', () => {
    for (const n of [1, 2, 3]) from(OTHER, n);
    lock.expect('192.0.2.2', 4002);
    expect(lock.target).toEqual({ address: '192.0.2.2', port: 4002 });
  });
});
