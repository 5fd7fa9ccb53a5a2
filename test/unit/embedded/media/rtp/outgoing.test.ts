import { beforeEach, describe, expect, it } from 'vitest';
import { OutgoingStream } from '../../../../../src/embedded/media/rtp/outgoing.ts';
import { RtpPacket, writeHeader } from '../../../../../src/embedded/media/rtp/packet.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

describe('OutgoingStream', () => {
  let stream: OutgoingStream;
  let sent: { sequence: number; timestamp: number; marker: boolean }[];
  const view = new RtpPacket();

  beforeEach(() => {
    stream = new OutgoingStream(seededRandom());
    sent = [];
  });

  const note = (bytes: Uint8Array) => {
    view.parse(bytes);
    expect(view.ssrc).toBe(stream.ssrc);
    sent.push({ sequence: view.sequence, timestamp: view.timestamp, marker: view.marker });
  };
  const frame = (dueMs: number) => {
    const bytes = new Uint8Array(172);
    stream.writeFrame(bytes, 8, 160, dueMs);
    note(bytes);
  };
  const event = (dueMs: number, frames: number) => {
    const bytes = new Uint8Array(16);
    const timestamp = stream.beginEvent(dueMs);
    for (let n = 1; n <= frames; n++) {
      stream.writeEvent(bytes, 101, n === 1, timestamp, n * 160, dueMs + 20 * (n - 1));
      note(bytes);
    }
  };
  const received = (sequence: number, timestamp: number, ssrc: number) => {
    const bytes = new Uint8Array(172);
    writeHeader(bytes, 0, false, 8, sequence & 0xffff, timestamp, ssrc);
    const packet = new RtpPacket();
    packet.parse(bytes);
    return { bytes, packet };
  };
  const relay = (sequence: number, timestamp: number, nowMs: number, ssrc = 77) => {
    const { bytes, packet } = received(sequence, timestamp, ssrc);
    if (stream.relay(bytes, packet, 8, 160, nowMs) < 0) return false;
    note(bytes);
    return true;
  };
  /** Differences from packet to packet, so that the random beginnings do not matter. */
  const steps = () =>
    sent.slice(1).map((packet, i) => ({
      sequence: (packet.sequence - (sent[i]?.sequence ?? 0)) & 0xffff,
      timestamp: (packet.timestamp - (sent[i]?.timestamp ?? 0)) | 0,
      marker: packet.marker,
    }));

  it('marks the first frame of a run, and shows a pause in the timestamps alone', () => {
    for (const due of [1000, 1020, 1040, 3040, 3060]) frame(due);
    expect(sent[0]?.marker).toBe(true);
    expect(steps()).toEqual([
      { sequence: 1, timestamp: 160, marker: false },
      { sequence: 1, timestamp: 160, marker: false },
      { sequence: 1, timestamp: 16_000, marker: true },
      { sequence: 1, timestamp: 160, marker: false },
    ]);
  });

  it('goes from own frames to a relayed stream and back without a break', () => {
    frame(1000);
    frame(1020);
    relay(500, 900_000, 1043);
    relay(501, 900_160, 1064);
    frame(1080);
    expect(steps()).toEqual([
      { sequence: 1, timestamp: 160, marker: false },
      { sequence: 1, timestamp: 184, marker: true },
      { sequence: 1, timestamp: 160, marker: false },
      { sequence: 1, timestamp: 160, marker: true },
    ]);
  });

  it('keeps loss and disorder of a relayed stream visible', () => {
    for (const n of [10, 11, 14, 13]) relay(n, 160 * n, 20 * n);
    expect(steps()).toEqual([
      { sequence: 1, timestamp: 160, marker: false },
      { sequence: 3, timestamp: 480, marker: false },
      { sequence: 0xffff, timestamp: -160, marker: false },
    ]);
    // What follows takes the number after the highest one.
    frame(400);
    expect((sent.at(-1)?.sequence ?? 0) - (sent[2]?.sequence ?? 0)).toBe(1);
  });

  it('drops a late packet from before it joined the stream', () => {
    relay(10, 1600, 100);
    frame(120);
    expect(relay(13, 2080, 160)).toBe(true);
    expect(relay(12, 1920, 161)).toBe(false);
    expect(sent).toHaveLength(3);
  });

  it('joins anew when the SSRC changes or the numbers jump', () => {
    relay(10, 1600, 100);
    relay(60_000, 5, 120, 88);
    relay(20_000, 99_999, 140, 88);
    expect(steps()).toEqual([
      { sequence: 1, timestamp: 160, marker: true },
      { sequence: 1, timestamp: 160, marker: true },
    ]);
  });

  it('closes up the numbers of packets that are not sent', () => {
    relay(10, 1600, 100);
    for (const n of [11, 12]) {
      const { packet } = received(n, 1760, 77);
      stream.skipRelayed(packet);
    }
    relay(13, 2080, 160);
    expect(steps()).toEqual([{ sequence: 1, timestamp: 480, marker: false }]);
  });

  it('never goes back in time, though a relayed clock ran ahead', () => {
    relay(10, 0, 100);
    relay(11, 16_000, 120);
    frame(140);
    frame(160);
    expect(steps().map((step) => step.timestamp)).toEqual([16_000, 160, 160]);
  });

  it('gives all packets of an event its beginning, and goes on behind its end', () => {
    frame(1000);
    event(1020, 5);
    frame(1120);
    const [begin] = sent.slice(1);
    expect(sent.slice(1, 6).every((packet) => packet.timestamp === begin?.timestamp)).toBe(true);
    expect(sent.slice(1, 6).map((packet) => packet.marker)).toEqual([true, false, false, false, false]);
    expect(((sent[6]?.timestamp ?? 0) - (begin?.timestamp ?? 0)) | 0).toBe(800);
    expect(steps().every((step) => step.sequence === 1)).toBe(true);
  });

  it('counts packets and payload octets for sender reports', () => {
    frame(0);
    relay(1, 0, 20);
    event(40, 2);
    expect([stream.packets, stream.octets]).toEqual([4, 160 + 160 + 4 + 4]);
    expect(stream.timestampNow(160)).toBe(((sent.at(-1)?.timestamp ?? 0) + 100 * 8) >>> 0);
  });
});
