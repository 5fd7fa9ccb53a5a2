import { expect } from 'vitest';
import type { MediaErrorCode } from '../../../src/media/port.ts';
import { isSilent } from '../../support/tones.ts';
import type { Contract } from '../media.ts';

const refusal = (code: MediaErrorCode) => expect.objectContaining({ name: 'MediaError', code });
const originOf = (sdp: string) => {
  const [, session, version] = /^o=\S+ (\d+) (\d+) /m.exec(sdp) ?? [];
  return { session, version: Number(version) };
};
const mediaLines = (sdp: string) => sdp.split('\r\n').filter((line) => line.startsWith('m='));

export function negotiation({ promises }: Contract): void {
  promises('answers an offer with the first of its own codecs that the peer speaks', async ({ phone, endpoint }) => {
    const peer = await phone();
    const preferMu = await endpoint({ remoteSdp: peer.sdp(), codecs: ['pcmu', 'pcma'] });
    expect(mediaLines(preferMu.localSdp)[0]).toMatch(/^m=audio \d+ RTP\/AVP 0 101$/);
    const preferA = await endpoint({ remoteSdp: peer.sdp() });
    expect(mediaLines(preferA.localSdp)[0]).toMatch(/^m=audio \d+ RTP\/AVP 8 101$/);
    const onlyMu = await endpoint({ remoteSdp: peer.sdp({ codecs: ['pcmu'] }) });
    expect(mediaLines(onlyMu.localSdp)[0]).toMatch(/^m=audio \d+ RTP\/AVP 0 101$/);
    expect((await onlyMu.stats()).codec).toBe('pcmu');
  });

  promises('uses an even port, and numbers payload types as the peer does', async ({ call }) => {
    const { endpoint } = await call({ events: 97 });
    expect(endpoint.localSdp).toMatch(/^a=rtpmap:97 telephone-event\/8000\r$/m);
    expect(Number(/^m=audio (\d+)/m.exec(endpoint.localSdp)?.[1]) % 2).toBe(0);
  });

  promises('offers, and talks when the answer has come', async ({ endpoint, phone }) => {
    const ours = await endpoint();
    expect(mediaLines(ours.localSdp)[0]).toMatch(/^m=audio \d+ RTP\/AVP 8 0 101$/);
    const peer = (await phone()).connect(ours.localSdp);
    expect(await ours.negotiate(peer.sdp({ codecs: ['pcmu'] }))).toBe(ours.localSdp);
    ours.play([{ tone: { hz: [800], cadence: [1000, 0] } }]);
    await peer.hears(800);
    expect(peer.packets.every((packet) => packet.payloadType === 0)).toBe(true);
  });

  promises('does not offer telephone-event when digits are wanted in-band', async ({ endpoint, phone }) => {
    expect((await endpoint({ dtmf: 'inband' })).localSdp).not.toContain('telephone-event');
    const answer = await endpoint({ dtmf: 'inband', remoteSdp: (await phone()).sdp() });
    expect(answer.localSdp).not.toContain('telephone-event');
  });

  promises('answers every media line, refusing what is not plain audio', async ({ endpoint, phone }) => {
    const offer = (await phone()).sdp({ extra: ['m=video 4000 RTP/AVP 96', 'a=rtpmap:96 H264/90000'] });
    const srtpFirst = offer.replace('m=audio', 'm=audio 5000 RTP/SAVP 8\r\nm=audio');
    const lines = mediaLines((await endpoint({ remoteSdp: srtpFirst })).localSdp);
    expect(lines).toEqual(['m=audio 0 RTP/SAVP 8', expect.stringMatching(/^m=audio [1-9]/), 'm=video 0 RTP/AVP 96']);
  });

  promises('refuses with no-common-codec', async ({ server, phone }) => {
    const peer = await phone();
    const offers = {
      'nothing that we speak': peer.sdp().replace(/ 8 0 101/, ' 9 18'),
      'a stream switched off': peer.sdp().replace(/m=audio \d+/, 'm=audio 0'),
      'encrypted audio only': peer.sdp().replace('RTP/AVP', 'RTP/SAVP'),
    };
    for (const [what, remoteSdp] of Object.entries(offers)) {
      await expect(server.createEndpoint({ callId: what, remoteSdp }), what).rejects.toEqual(
        refusal('no-common-codec'),
      );
    }
  });

  promises('refuses hostile descriptions with bad-sdp', async ({ server, phone }) => {
    const good = (await phone()).sdp();
    const hostile = {
      empty: '',
      'no SDP at all': '\0\xff{"a":1}',
      'no media': good.slice(0, good.indexOf('m=')),
      'no address': good.replace(/^c=.*\r\n/m, ''),
      'address that is none': good.replace(/^c=.*$/m, 'c=IN IP4 999.1.2.3'),
      'name for an address': good.replace(/^c=.*$/m, 'c=IN IP4 evil.example'),
      'multicast address': good.replace(/^c=.*$/m, 'c=IN IP4 224.2.1.1'),
      'broadcast address': good.replace(/^c=.*$/m, 'c=IN IP4 255.255.255.255'),
      'port out of range': good.replace(/m=audio \d+/, 'm=audio 99999'),
      'port that is none': good.replace(/m=audio \d+/, 'm=audio x'),
      'a hundred thousand lines': good + 'a=candidate:1 1 UDP 1 10.0.0.1 1 typ host\r\n'.repeat(100_000),
    };
    for (const [what, remoteSdp] of Object.entries(hostile)) {
      await expect(server.createEndpoint({ callId: what, remoteSdp }), what).rejects.toEqual(refusal('bad-sdp'));
    }
  });

  promises('goes on as before when a renegotiation is refused', async ({ call }) => {
    const { phone, endpoint } = await call();
    const before = endpoint.localSdp;
    await expect(endpoint.negotiate('v=0\r\nm=nonsense')).rejects.toEqual(refusal('bad-sdp'));
    await expect(endpoint.negotiate(phone.sdp().replace(/ 8 0 101/, ' 9'))).rejects.toEqual(refusal('no-common-codec'));
    expect(endpoint.localSdp).toBe(before);
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }]);
    await phone.hears(700);
  });

  for (const hold of ['sendonly', 'inactive', '0.0.0.0'] as const) {
    promises(`sends nothing while the peer holds with ${hold}, and goes on afterwards`, async ({ call }) => {
      const { phone, endpoint } = await call();
      endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }], { loop: true });
      await phone.hears(700);
      expect(endpoint.heldByPeer).toBe(false);

      const offer = hold === '0.0.0.0' ? phone.sdp({ address: hold }) : phone.sdp({ direction: hold });
      const answer = await endpoint.negotiate(offer);
      expect(endpoint.heldByPeer).toBe(true);
      expect(answer).toContain(hold === 'inactive' ? 'a=inactive' : 'a=recvonly');
      const { packetsOut } = await endpoint.stats();
      // So long as this would have taken: a playback goes on in time while nobody hears it.
      await endpoint.play([{ tone: { hz: [900], cadence: [300, 0] } }]).ended;
      expect((await endpoint.stats()).packetsOut).toBe(packetsOut);

      await endpoint.negotiate(phone.sdp());
      expect(endpoint.heldByPeer).toBe(false);
      expect(endpoint.localSdp).toContain('a=sendrecv');
      endpoint.play([{ tone: { hz: [800], cadence: [1000, 0] } }]);
      await phone.hears(800);
    });
  }

  promises('is not held by a peer who only wants to listen', async ({ call }) => {
    const { phone, endpoint } = await call();
    expect(await endpoint.negotiate(phone.sdp({ direction: 'recvonly' }))).toContain('a=sendonly');
    expect(endpoint.heldByPeer).toBe(false);
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }]);
    await phone.hears(700);
  });

  promises('follows the peer to another address', async ({ call, phone }) => {
    const { phone: former, endpoint } = await call();
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }], { loop: true });
    former.talk(440);
    await former.hears(700);
    former.quiet();
    const next = (await phone()).connect(endpoint.localSdp);
    await endpoint.negotiate(next.sdp());
    await next.hears(700);
    former.forget();
    await next.until(
      () => next.packets.length > 30,
      3000,
      () => 'the audio stopped',
    );
    expect(isSilent(former.heard())).toBe(true);
  });

  promises('changes the codec within a running playback', async ({ call }) => {
    const { phone, endpoint } = await call();
    endpoint.play([{ tone: { hz: [700], cadence: [1000, 0] } }], { loop: true });
    await phone.hears(700);
    await endpoint.negotiate(phone.sdp({ codecs: ['pcmu'] }));
    phone.forget();
    await phone.until(
      () => phone.packets.some((packet) => packet.payloadType === 0),
      2000,
      () => 'no µ-law came',
    );
    phone.forget();
    await phone.hears(700);
  });

  promises('raises the version of its description with each change, and only then', async ({ call }) => {
    const { phone, endpoint } = await call();
    const first = originOf(endpoint.localSdp);
    await endpoint.negotiate(phone.sdp());
    expect(originOf(endpoint.localSdp)).toEqual(first);
    await endpoint.negotiate(phone.sdp({ direction: 'sendonly' }));
    expect(originOf(endpoint.localSdp)).toEqual({ ...first, version: first.version + 1 });
    await endpoint.negotiate(phone.sdp({ direction: 'sendonly' }));
    await endpoint.negotiate(phone.sdp());
    expect(originOf(endpoint.localSdp)).toEqual({ ...first, version: first.version + 2 });
  });
}
