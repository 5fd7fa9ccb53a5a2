import { expect } from 'vitest';
import { talkBothWays } from '../../support/rtp-peer.ts';
import type { Contract, Stage } from '../media.ts';

/** Keys and salts of phones. */
const [one = '', another = ''] = [1, 2].map((byte) => Buffer.alloc(30, byte).toString('base64'));

/** SRTP with keys in the session descriptions (RFC 3711, RFC 4568). */
export function encryption({ promises }: Contract): void {
  promises('speaks SRTP with one who offers it, beside one who does not', async ({ call }) => {
    const a = await call({ srtpKey: one });
    const b = await call();
    expect(a.endpoint.localSdp).toMatch(/^m=audio \d+ RTP\/SAVP 8 101\r$/m);
    expect(a.endpoint.localSdp).toMatch(/^a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z0-9+/]{40}\r$/m);
    expect(b.endpoint.localSdp).not.toContain('crypto');
    await a.endpoint.bridge(b.endpoint);
    await talkBothWays(a.phone, b.phone);
    const [, key] = /inline:(\S+)/.exec(a.endpoint.localSdp) ?? [];
    const c = await call({ srtpKey: one });
    expect(c.endpoint.localSdp).not.toContain(key);
  });

  promises('offers SRTP alone where it is required, and takes nothing else', async ({ endpoint, phone }) => {
    const ours = await endpoint({ srtp: 'required' });
    expect(ours.localSdp).toMatch(/^m=audio \d+ RTP\/SAVP 8 0 101\r$/m);
    const plain = await phone();
    const refused = expect.objectContaining({ name: 'MediaError', code: 'no-common-codec' });
    await expect(ours.negotiate(plain.sdp())).rejects.toEqual(refused);
    await expect(endpoint({ srtp: 'required', remoteSdp: plain.sdp() })).rejects.toEqual(refused);
    const encrypts = (await phone({ srtpKey: one })).connect(ours.localSdp);
    await ours.negotiate(encrypts.sdp());
    ours.play([{ tone: { hz: [800], cadence: [1000, 0] } }]);
    await encrypts.hears(800);
  });

  promises('takes keys that are offered with plain RTP only where they are required', async ({ endpoint, phone }) => {
    const rather = (await phone({ srtpKey: one })).sdp().replace('RTP/SAVP', 'RTP/AVP');
    const plain = await endpoint({ remoteSdp: rather });
    expect(plain.localSdp).not.toContain('crypto');
    const required = await endpoint({ remoteSdp: rather, srtp: 'required' });
    expect(required.localSdp).toMatch(/^m=audio \d+ RTP\/AVP 8 101\r\na=crypto:7 /m);
  });

  /** A bridge, one party of which sends what is not his: under another key, and plain. Resolves when the other hears him again. */
  const forge = async ({ call }: Stage) => {
    const a = await call({ srtpKey: one });
    const b = await call();
    await a.endpoint.bridge(b.endpoint);
    a.phone.talk(500);
    await b.phone.hears(500);
    a.phone.quiet();
    const { rejected } = await a.endpoint.stats();
    const stranger = await call({ srtpKey: another });
    for (let i = 0; i < 10; i++) a.phone.sendBytes(stranger.phone.protected(new Uint8Array(160).fill(0x20), 8));
    for (let i = 0; i < 10; i++) a.phone.sendBytes(Buffer.alloc(172, 0x80));
    a.phone.talk(700);
    await b.phone.hears(700);
    return { b, rejected: (await a.endpoint.stats()).rejected - rejected };
  };

  promises('lets nothing through that is not encrypted with his key', async (stage) => {
    const { b } = await forge(stage);
    // The forged packets are one loud sample throughout.
    const forged = b.phone.packets.filter(({ payload }) => loud(payload) && new Set(payload).size === 1);
    expect(forged).toEqual([]);
  });

  promises('counts what is not encrypted with his key', async (stage) => {
    expect((await forge(stage)).rejected).toBe(20);
  });

  promises('goes on when he takes another key', async ({ call }) => {
    const { phone, endpoint } = await call({ srtpKey: one });
    endpoint.play([{ tone: { hz: [800], cadence: [1000, 0] } }], { loop: true });
    await phone.hears(800);
    const before = /inline:(\S+)/.exec(endpoint.localSdp)?.[1];
    phone.srtpKey = another;
    await endpoint.negotiate(phone.sdp());
    expect(endpoint.localSdp).toContain(`inline:${before}`);
    phone.forget();
    await phone.hears(800);
    const keys: string[] = [];
    endpoint.on('dtmf', ({ digit }) => keys.push(digit));
    phone.rekey(endpoint.localSdp);
    await phone.press('5');
    await phone.until(
      () => keys.length > 0,
      1000,
      () => 'the key was not heard',
    );
  });
}

/** Of A-law, in which silence is 0xD5 or 0x55 (ITU-T G.711). */
const loud = ([first = 0xd5]: Uint8Array): boolean => ((first ^ 0x55) & 0x7f) > 0x10;
