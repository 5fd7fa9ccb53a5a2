import { expect } from 'vitest';
import { dtmfSamples } from '../../../src/embedded/media/dsp/dtmf.ts';
import type { Endpoint } from '../../../src/media/port.ts';
import { sounds, tone } from '../../support/tones.ts';
import type { Contract } from '../media.ts';

/** Collects the digits of an endpoint; `all(n)` resolves when so many have come. */
function digitsOf(endpoint: Endpoint) {
  const heard: string[] = [];
  let arrived = (): unknown => undefined;
  endpoint.on('dtmf', ({ digit, source }) => {
    heard.push(`${digit} ${source}`);
    arrived();
  });
  return {
    heard,
    all: (count: number) =>
      new Promise<readonly string[]>((resolve) => {
        arrived = () => heard.length >= count && resolve(heard);
        arrived();
      }),
  };
}

/** The frequencies of the keys that these tests press, ITU-T Q.23. */
const HZ = { '1': [697, 1209], '5': [770, 1336], '9': [852, 1477], '#': [941, 1477] } as const;

export function digits({ promises }: Contract): void {
  promises('reports a key pressed as RFC 4733 events once', async ({ call }) => {
    const { phone, endpoint } = await call();
    const digits = digitsOf(endpoint);
    for (const key of ['4', '4', '*', 'D']) await phone.press(key);
    expect(await digits.all(4)).toEqual(['4 rfc4733', '4 rfc4733', '* rfc4733', 'D rfc4733']);
  });

  promises('reports a key at its beginning, and by whichever packet comes first', async ({ call }) => {
    const { phone, endpoint } = await call();
    const digits = digitsOf(endpoint);
    const timestamp = phone.timestamp;
    // The packets of the beginning are lost; then an update and all three ends, the last one twice.
    for (const [end, duration] of [
      [0, 3],
      [0x80, 8],
      [0x80, 8],
      [0x80, 8],
    ] as const) {
      phone.send(Uint8Array.from([7, end | 10, (duration * 160) >> 8, (duration * 160) & 0xff]), 101, { timestamp });
    }
    phone.timestamp += 8 * 160;
    await phone.press('8');
    expect(await digits.all(2)).toEqual(['7 rfc4733', '8 rfc4733']);
  });

  promises('hears tones of a peer that does not know telephone-event', async ({ call }) => {
    const { phone, endpoint } = await call({ events: null });
    const digits = digitsOf(endpoint);
    for (const key of '159#') {
      await phone.say(dtmfSamples(key, 100));
      await phone.say(new Int16Array(800));
    }
    expect(await digits.all(4)).toEqual(['1 inband', '5 inband', '9 inband', '# inband']);
  });

  promises('hears tones when digits are wanted in-band, also in µ-law', async ({ call }) => {
    const { phone, endpoint } = await call({ codecs: ['pcmu'], endpoint: { dtmf: 'inband' } });
    const digits = digitsOf(endpoint);
    await phone.say(dtmfSamples('0', 120));
    await phone.say(new Int16Array(800));
    await phone.say(dtmfSamples('C', 120));
    await phone.say(new Int16Array(1600));
    expect(await digits.all(2)).toEqual(['0 inband', 'C inband']);
  });

  promises('takes no speech-like tones for digits', async ({ call }) => {
    const { phone, endpoint } = await call({ events: null });
    const digits = digitsOf(endpoint);
    for (const hz of [697, 1209, [697, 770], [400, 1336], [1209, 1477]]) await phone.say(tone(hz, 120));
    await phone.say(dtmfSamples('6', 100));
    await phone.say(new Int16Array(800));
    expect(await digits.all(1)).toEqual(['6 inband']);
  });

  promises('sends digits as RFC 4733 events with the lengths asked for', async ({ call }) => {
    const { phone, endpoint } = await call({ events: 96 });
    await endpoint.sendDtmf('12#', { toneMs: 120, gapMs: 60 });
    await phone.getsKeys('12#');
    const events = phone.packets.filter((packet) => packet.payloadType === 96);
    const presses = [...Map.groupBy(events, (packet) => packet.timestamp).values()];
    expect(presses).toHaveLength(3);
    for (const press of presses) {
      expect(press[0]?.marker).toBe(true);
      expect(press.slice(1).some((packet) => packet.marker)).toBe(false);
      const ends = press.filter((packet) => (packet.payload[1] ?? 0) & 0x80);
      expect(ends).toHaveLength(3);
      expect(ends.map(({ payload }) => ((payload[2] ?? 0) << 8) | (payload[3] ?? 0))).toEqual([960, 960, 960]);
    }
  });

  promises('sends digits as tones to a peer that does not know telephone-event', async ({ call }) => {
    const { phone, endpoint } = await call({ events: null });
    const sent = endpoint.sendDtmf('59', { toneMs: 300, gapMs: 60 });
    await phone.hears(HZ['5']);
    await phone.hears(HZ['9']);
    await sent;
  });

  promises('sends digits one after the other, whoever asked', async ({ call }) => {
    const { phone, endpoint } = await call();
    await Promise.all([endpoint.sendDtmf('12'), endpoint.sendDtmf('34')]);
    await phone.getsKeys('1234');
    await expect(endpoint.sendDtmf('1x')).rejects.toThrow(RangeError);
  });

  promises('passes a key through a bridge, once, and reports it only where it was pressed', async ({ call }) => {
    const [a, b] = [await call({ events: 96 }), await call({ events: 101 })];
    const [atA, atB] = [digitsOf(a.endpoint), digitsOf(b.endpoint)];
    await a.endpoint.bridge(b.endpoint);
    a.phone.talk(440);
    await b.phone.hears(440);
    await a.phone.press('5');
    await a.phone.press('5');
    await b.phone.getsKeys('55');
    expect(await atA.all(2)).toEqual(['5 rfc4733', '5 rfc4733']);
    expect(atB.heard).toEqual([]);
    expect(new Set(b.phone.packets.map((packet) => packet.payloadType))).toEqual(new Set([8, 101]));
  });

  promises('passes a key as a tone to a party that does not know telephone-event', async ({ call }) => {
    const [a, b] = [await call(), await call({ events: null })];
    await a.endpoint.bridge(b.endpoint);
    await a.phone.press('1');
    await b.phone.until(
      () => b.phone.packets.length >= 5 && b.phone.heard().length >= 800,
      2000,
      () => 'no tone came',
    );
    expect(sounds(HZ['1'], b.phone.heard().subarray(0, 640))).toBe(true);
  });

  promises('keeps keys from the other party if it is told to', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    const atA = digitsOf(a.endpoint);
    await a.endpoint.bridge(b.endpoint, { passDtmf: false });
    a.phone.talk(440);
    await b.phone.hears(440);
    await a.phone.press('5');
    expect(await atA.all(1)).toEqual(['5 rfc4733']);
    a.phone.talk(600);
    await b.phone.hears(600);
    expect(b.phone.keys).toBe('');
    // The withheld packets must not look like lost ones.
    const sequences = b.phone.packets.map((packet) => packet.sequence);
    expect(sequences.every((sequence, i) => i === 0 || ((sequence - (sequences[i - 1] ?? 0)) & 0xffff) === 1)).toBe(
      true,
    );
  });
}
