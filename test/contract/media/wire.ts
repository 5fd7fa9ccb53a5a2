import { expect } from 'vitest';
import { talkBothWays } from '../../support/rtp-peer.ts';
import { isSilent, tone } from '../../support/tones.ts';
import { eventually } from '../../support/wait.ts';
import type { Contract } from '../media.ts';

const portOf = (sdp: string) => Number(/^m=audio (\d+)/m.exec(sdp)?.[1]);

export function wire({ promises }: Contract): void {
  promises('tells from where the peer sends, whatever his description says', async ({ call }) => {
    for (const options of [{}, { signalledPort: 9 }]) {
      const { phone, endpoint } = await call(options);
      expect((await endpoint.stats()).source).toBeUndefined();
      phone.talk(440);
      const source = await eventually(
        'the source',
        async () => (await endpoint.stats()).source,
        (known) => known !== undefined,
      );
      expect(source).toEqual({ address: '127.0.0.1', port: phone.port });
    }
  });

  promises('tells of the first packet, once', async ({ call }) => {
    const { phone, endpoint } = await call();
    const events: unknown[] = [];
    const first = new Promise<void>((resolve) => {
      endpoint.on('media', (event) => {
        events.push(event);
        resolve();
      });
    });
    await phone.say(tone(440, 100));
    await first;
    const pressed = new Promise<void>((resolve) => void endpoint.on('dtmf', () => resolve()));
    await phone.say(tone(440, 100));
    await phone.press('1');
    await pressed;
    expect((await endpoint.stats()).packetsIn).toBeGreaterThan(10);
    expect(events).toEqual([{ address: phone.address, port: phone.port }]);
  });

  promises('sends to where the peer really sends from, whatever his description says', async ({ call }) => {
    const elsewhere = 9;
    const { phone, endpoint } = await call({ signalledPort: elsewhere });
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }], { loop: true });
    phone.talk(440);
    await phone.hears(700);
  });

  promises('lets nobody speak into a call, and counts the attempts', async ({ call, phone, server }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    const before = await server.stats();
    const intruder = (await phone()).connect(a.endpoint.localSdp);
    intruder.talk(1500);
    a.phone.talk(440);
    await b.phone.hears(440);
    b.phone.forget();
    await b.phone.hears(440);
    b.phone.talk(1000);
    await a.phone.hears(1000);
    expect(intruder.packets).toEqual([]);
    const { rejected } = await a.endpoint.stats();
    expect(rejected).toBeGreaterThan(5);
    expect((await server.stats()).rejected - before.rejected).toBeGreaterThanOrEqual(rejected);
    expect((await b.endpoint.stats()).rejected).toBe(0);
  });

  promises('does not believe an intruder who comes before the peer', async ({ call, phone }) => {
    const { phone: peer, endpoint } = await call();
    const intruder = (await phone()).connect(endpoint.localSdp);
    intruder.talk(1500);
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }], { loop: true });
    peer.talk(440);
    await peer.hears(700);
    intruder.forget();
    peer.forget();
    await peer.hears(700);
    expect(isSilent(intruder.heard())).toBe(true);
  });

  promises('drops and counts garbage', async ({ call }) => {
    const { phone, endpoint } = await call();
    phone.talk(440);
    await new Promise<void>((resolve) => void endpoint.on('media', () => resolve()));
    phone.quiet();
    const garbage = [
      [],
      [0x80],
      [...new TextEncoder().encode('INVITE sip:1@127.0.0.1 SIP/2.0\r\n\r\n')],
      // Version 1; an extension that goes beyond the end; as many sources; padding longer than the packet, and of length 0.
      [0x40, 8, ...new Array(170).fill(0)],
      [0x90, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 1, 2, 3, 4],
      [0x8f, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4],
      [0xa0, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 200],
      [0xa0, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 0],
      new Array(4000).fill(0x80),
    ];
    for (const bytes of garbage) phone.sendBytes(Uint8Array.from(bytes));
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }]);
    await phone.hears(700);
    expect((await endpoint.stats()).rejected).toBe(garbage.length);
  });

  promises('ignores payload types that nobody agreed on', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    for (let i = 0; i < 5; i++) a.phone.send(new Uint8Array(160), 111);
    a.phone.talk(440);
    await b.phone.hears(440);
    expect(b.phone.packets.every((packet) => packet.payloadType === 8)).toBe(true);
    expect((await a.endpoint.stats()).rejected).toBe(0);
  });

  promises('counts what was lost; repeated and disordered packets are no loss', async ({ call }) => {
    const { phone, endpoint } = await call();
    const begin = phone.sequence;
    const numbers = [0, 1, 3, 2, 2, 4, 7, 8, 8, 9];
    for (const number of numbers) {
      phone.sequence = (begin + number) & 0xffff;
      phone.timestamp = number * 160;
      phone.sendAudio(new Int16Array(160));
    }
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }]);
    await phone.hears(700);
    expect(await endpoint.stats()).toMatchObject({ packetsIn: 8, lost: 2, rejected: 0 });
  });

  promises('survives a peer that starts anew with other numbers', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    a.phone.talk(440);
    await b.phone.hears(440);
    a.phone.sequence = (a.phone.sequence + 30_000) & 0xffff;
    a.phone.timestamp = (a.phone.timestamp + 2 ** 31) >>> 0;
    a.phone.talk(600);
    await b.phone.hears(600);
    expect((await a.endpoint.stats()).lost).toBe(0);
    const sequences = b.phone.packets.map((packet) => packet.sequence);
    expect(sequences.every((sequence, i) => i === 0 || ((sequence - (sequences[i - 1] ?? 0)) & 0xffff) === 1)).toBe(
      true,
    );
  });

  promises('takes header extensions and padding off what it relays', async ({ call }) => {
    const [a, b] = [await call(), await call()];
    await a.endpoint.bridge(b.endpoint);
    const header = [0xb1, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    const sources = [9, 9, 9, 9];
    const extension = [0xbe, 0xde, 0, 1, 1, 2, 3, 4];
    const payload = new Array(160).fill(0x55);
    a.phone.sendBytes(Uint8Array.from([...header, ...sources, ...extension, ...payload, 0, 0, 0, 4]));
    await b.phone.until(
      () => b.phone.packets.length > 0,
      1000,
      () => 'the packet',
    );
    expect([...(b.phone.packets[0]?.payload ?? [])]).toEqual(payload);
    expect(portOf(b.endpoint.localSdp)).not.toBe(portOf(a.endpoint.localSdp));
  });
}
