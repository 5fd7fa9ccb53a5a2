import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFreeswitch } from '../../../src/freeswitch/index.ts';
import type { ConferenceMixer } from '../../../src/media/conference.ts';
import type { Endpoint, MediaServer } from '../../../src/media/port.ts';
import type { SipServer } from '../../../src/sip/port.ts';
import { type Clock, systemClock } from '../../../src/time/clock.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FREESWITCH_KEY, ScriptedFreeswitch } from '../../support/scripted-freeswitch.ts';
import { tone, wavFile } from '../../support/tones.ts';
import { eventually } from '../../support/wait.ts';

/** What a phone offers. */
const offer = (changes: { readonly direction?: string; readonly formats?: string; readonly port?: number } = {}) => {
  const { direction = 'sendrecv', formats = '0 8 101', port = 4000 } = changes;
  return [
    'v=0',
    'o=phone 1 1 IN IP4 192.0.2.10',
    's=-',
    'c=IN IP4 192.0.2.10',
    't=0 0',
    `m=audio ${port} RTP/AVP ${formats}`,
    ...(formats.includes('101') ? ['a=rtpmap:101 telephone-event/8000'] : []),
    `a=${direction}`,
    '',
  ].join('\r\n');
};

const cleanUp: (() => Promise<unknown>)[] = [];
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'km-freeswitch-'));
  cleanUp.push(() => rm(directory, { recursive: true, force: true }));
});
afterEach(async () => {
  for (const clear of cleanUp.splice(0).toReversed()) await clear();
});

/** By port; one that comes back takes the place of the former. */
const reachable = new Map<number, ScriptedFreeswitch>();

async function freeswitch(port?: number): Promise<ScriptedFreeswitch> {
  const server = await ScriptedFreeswitch.open(port);
  cleanUp.push(() => server.close());
  reachable.set(server.port, server);
  return server;
}

/** The SIP side: an INVITE goes to the server whose port is in its URI. */
const sip: Pick<SipServer, 'invite'> = {
  invite(request) {
    const server = reachable.get(Number(request.target.uri.split(':').at(-1)));
    if (!server) throw new Error(`no server for ${request.target.uri}`);
    return server.invite(request);
  },
};

async function started(
  servers: readonly ScriptedFreeswitch[],
  clock: Clock = systemClock,
): Promise<MediaServer & ConferenceMixer> {
  const media = await startFreeswitch({
    servers: servers.map(({ address }) => address),
    sip: () => sip,
    shared: [],
    node: 'node-1',
    clock,
  });
  cleanUp.push(() => media.close());
  return media;
}

/** An endpoint, and the channel that it is. */
async function call(media: MediaServer, server: ScriptedFreeswitch, remoteSdp = offer(), callId = 'c') {
  const endpoint = await media.createEndpoint({ callId, remoteSdp });
  const channel = server.channels.items.find(({ uuid }) => uuid === endpoint.id);
  if (!channel) throw new Error('the endpoint is on another server');
  return { endpoint, channel };
}

const digitsOf = (endpoint: Endpoint): string[] => {
  const digits: string[] = [];
  endpoint.on('dtmf', ({ digit, source }) => digits.push(`${digit} ${source}`));
  return digits;
};

describe('a server that cannot be used is named with what to do', () => {
  it.each<{ what: string; spoil: (server: ScriptedFreeswitch) => unknown; error: object }>([
    {
      what: 'a wrong password',
      spoil: (server) => Object.assign(server, { secret: 'other' }),
      error: { code: 'freeswitch-refused', message: expect.stringContaining('the password is wrong') },
    },
    {
      what: 'an access list without us',
      spoil: (server) => Object.assign(server, { rude: true }),
      error: { code: 'freeswitch-refused', hint: expect.stringContaining('apply-inbound-acl') },
    },
    {
      what: 'a module that is not loaded',
      spoil: (server) => server.missing.add('mod_sndfile'),
      error: { code: 'freeswitch-module', message: expect.stringContaining('mod_sndfile (WAV files)') },
    },
    {
      what: 'no SIP profile',
      spoil: (server) => Object.assign(server, { profile: false }),
      error: { code: 'freeswitch-profile', message: expect.stringContaining('drachtio_mrf') },
    },
    {
      what: 'sounds that it does not see',
      spoil: (server) => server.missing.add('/srv/sounds'),
      error: { code: 'freeswitch-files', message: expect.stringContaining('does not see /srv/sounds') },
    },
  ])('$what', async ({ spoil, error }) => {
    const server = await freeswitch();
    const { address } = server;
    spoil(server);
    const media = startFreeswitch({ servers: [address], sip: () => sip, shared: ['/srv/sounds'], node: 'node-1' });
    await expect(media).rejects.toMatchObject({ name: 'UserError', ...error });
  });

  it('nobody there', async () => {
    const server = await freeswitch();
    const { address } = server;
    await server.close();
    const media = startFreeswitch({ servers: [address], sip: () => sip, shared: [], node: 'node-1' });
    await expect(media).rejects.toMatchObject({
      code: 'freeswitch-unreachable',
      message: expect.stringContaining(`:${address.port}`),
    });
  });
});

describe('an endpoint', () => {
  it('shows FreeSWITCH one codec of the peer, and the peer the address of FreeSWITCH', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const { sdp } = channel.invite.request;
    expect(sdp).toContain('m=audio 4000 RTP/AVP 8 101\r\n');
    expect(sdp).toContain('c=IN IP4 192.0.2.10\r\n');
    expect(endpoint.localSdp).toContain('m=audio 20000 RTP/AVP 8 101\r\n');
    expect(endpoint.localSdp).toContain('c=IN IP4 192.0.2.20\r\n');
    // What it is to be like stands in the dialplan: no command is waited for.
    expect(channel.applications.items).toEqual([]);
  });

  it('is asked for again when FreeSWITCH has answered and does not connect, and the first is hung up', async () => {
    const clock = new FakeClock();
    const server = await freeswitch();
    const media = await started([server], clock);
    server.unconnected = 1;
    const making = media.createEndpoint({ callId: 'c', remoteSdp: offer() });
    await eventually(
      'the first',
      () => server.channels.items.length,
      (count) => count === 1,
    );
    await settle();
    clock.advance(1000);
    const endpoint = await making;
    const [first, second] = server.channels.items;
    expect(endpoint.id).toBe(second?.uuid);
    await eventually(
      'drachtio-fsmrf to give the first up, after four seconds',
      () => first?.invite.dialog.ended?.by,
      (by) => by === 'local',
    );
    expect(second?.invite.dialog.ended).toBeUndefined();
    expect(server.channels.items).toHaveLength(2);
  });

  it('is refused where the dialplan is not ours, and hung up', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    server.dialplan = false;
    await expect(media.createEndpoint({ callId: 'c', remoteSdp: offer() })).rejects.toThrow(
      'take dialplan/kommutator.xml from freeswitch-conf/',
    );
    await eventually(
      'the leg to be hung up',
      () => server.channels.items[0]?.invite.dialog.ended?.by,
      (by) => by === 'local',
    );
  });

  it('offers before the peer is known, and then tells FreeSWITCH of him', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const endpoint = await media.createEndpoint({ callId: 'c' });
    const [channel] = server.channels.items;
    expect(channel?.invite.request.sdp).toContain('a=inactive');
    expect(endpoint.localSdp).toContain('m=audio 20000 RTP/AVP 8 0 101\r\n');
    await endpoint.negotiate(offer({ formats: '0' }));
    expect(channel?.invite.dialog.modified).toEqual([expect.stringContaining('m=audio 4000 RTP/AVP 0\r\n')]);
  });

  it('is told when the peer holds, and not what it knows already', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    await endpoint.negotiate(offer({ direction: 'sendonly' }));
    expect(endpoint.heldByPeer).toBe(true);
    await endpoint.negotiate(offer({ direction: 'sendonly' }));
    expect(channel.invite.dialog.modified).toEqual([expect.stringContaining('a=sendonly')]);
    await expect(endpoint.negotiate('v=0\r\nm=nonsense')).rejects.toMatchObject({ code: 'bad-sdp' });
  });

  it('reports keys by what the peer said he sends', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const digits = digitsOf(endpoint);
    channel.emit('DTMF', { 'DTMF-Digit': '5', 'DTMF-Source': 'RTP' });
    channel.emit('DTMF', { 'DTMF-Digit': 'd', 'DTMF-Source': 'INBAND_AUDIO' });
    channel.emit('DTMF', { 'DTMF-Digit': '~', 'DTMF-Source': 'RTP' });
    channel.emit('DTMF', { 'DTMF-Digit': '#', 'DTMF-Source': 'RTP' });
    await eventually(
      'three digits',
      () => digits,
      ({ length }) => length === 3,
    );
    expect(digits).toEqual(['5 rfc4733', 'D inband', '# rfc4733']);
  });

  it('listens for tones where the peer takes no telephone-event, without mod_spandsp too', async () => {
    const server = await freeswitch();
    server.missing.add('mod_spandsp');
    const media = await started([server]);
    const { channel } = await call(media, server, offer({ formats: '8' }));
    expect(channel.applications.items).toEqual(['start_dtmf', 'start_dtmf_generate write']);
    expect(media.faxProblem).toContain('load mod_spandsp');
  });

  it('sends digits one by one, as tones where the peer takes no events', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const events = await call(media, server);
    await events.endpoint.sendDtmf('1#', { toneMs: 40, gapMs: 10 });
    expect(server.commands.items.filter((command) => command.includes('dtmf'))).toEqual(
      ['1', '#'].map((digit) => `api uuid_send_dtmf ${events.endpoint.id} ${digit}@40`),
    );
    const tones = await call(media, server, offer({ formats: '8' }));
    const sent = tones.endpoint.sendDtmf('9', { toneMs: 40, gapMs: 10 });
    await tones.channel.applications.find('the tone', (text) => text === 'playback tone_stream://%(40,10,852,1477)');
    tones.channel.finish();
    await sent;
    await expect(events.endpoint.sendDtmf('x')).rejects.toThrow(RangeError);
  });

  it('hears the calling tone of faxes for as long as somebody listens, each of its bursts', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    let bursts = 0;
    const off = endpoint.on('faxTone', () => bursts++);
    await channel.applications.find('the detector', (text) => text.startsWith('spandsp_start_fax_detect'));
    const before = channel.applications.items.length;
    channel.emit('DETECTED_TONE', { 'Detected-Fax-Tone': 'true' });
    await channel.applications.find(
      'the detector again',
      (text) => text.startsWith('spandsp_start_fax_detect'),
      before,
    );
    expect(bursts).toBe(1);
    off();
    await channel.applications.find('its end', (text) => text === 'spandsp_stop_fax_detect');
  });

  it('says that the peer is silent, and that he is not', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const events: string[] = [];
    endpoint.on('silent', () => events.push('silent'));
    endpoint.on('media', ({ address, port }) => events.push(`${address}:${port}`));
    endpoint.expectMedia({ firstMs: 100, thenMs: 200, pauseMs: 0 });
    await eventually(
      'the silence',
      () => events,
      ({ length }) => length === 1,
    );
    channel.variables.rtp_audio_in_packet_count = '12';
    await eventually(
      'the packet',
      () => events,
      ({ length }) => length === 2,
    );
    await eventually(
      'the next silence',
      () => events,
      ({ length }) => length === 3,
    );
    expect(events).toEqual(['silent', '192.0.2.10:4000', 'silent']);
    expect(await endpoint.stats()).toMatchObject({ packetsIn: 12, codec: 'pcma' });
  });

  it('is gone when FreeSWITCH hangs up, with all that ran on it', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const { endpoint, channel } = await call(media, server);
    const gone = new Promise<string>((resolve) => void endpoint.on('gone', ({ reason }) => resolve(reason)));
    const playback = endpoint.play([{ silenceMs: 60_000 }]);
    await channel.applications.find('the playback', (text) => text.startsWith('playback'));
    channel.invite.dialog.hangUp();
    expect(await gone).toContain('remote');
    expect(await playback.ended).toMatchObject({ reason: 'endpointGone' });
    await expect(endpoint.stats()).rejects.toMatchObject({ code: 'endpoint-gone' });
    expect(await media.stats()).toMatchObject({ endpoints: 0, playbacks: 0 });
  });
});

describe('playing', () => {
  it('goes through the sources one after the other, and past what cannot be played', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const file = join(directory, 'a.wav');
    await writeFile(file, wavFile(tone(600, 400)));
    const missing = join(directory, 'b.wav');
    const { ended } = endpoint.play([{ file }, { file: missing }, { tone: { hz: [425, 450], cadence: [100, 50] } }]);
    await channel.applications.find('the file', (text) => text === `playback ${file}`);
    channel.finish({ 'Application-Response': 'FILE NOT FOUND' });
    await channel.applications.find('the tone', (text) => text === 'playback tone_stream://%(100,50,425,450)');
    channel.finish();
    const end = await ended;
    expect(end.reason).toBe('failed');
    expect(end.error).toContain(`${missing}: it does not exist`);
  });

  it('is broken off only after it has begun, because FreeSWITCH forgets it before', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const playback = endpoint.play([{ silenceMs: 5000 }], { loop: true });
    const end = playback.stop();
    expect(await end).toMatchObject({ reason: 'stopped' });
    const playing = endpoint.play([{ silenceMs: 5000 }]);
    await channel.applications.find('the second', (text) => text.startsWith('playback'));
    const next = endpoint.play([{ silenceMs: 20 }]);
    expect(await playing.ended).toMatchObject({ reason: 'replaced' });
    expect(server.commands.items.filter((text) => text === `api uuid_break ${endpoint.id} all`)).toHaveLength(1);
    await channel.applications.find('the third', (text) => text === 'playback silence_stream://20');
    channel.finish();
    expect(await next.ended).toMatchObject({ reason: 'finished', playedMs: 20 });
  });

  it('begins inside a list where it is told to', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const file = join(directory, 'a.wav');
    await writeFile(file, wavFile(tone(600, 400)));
    endpoint.play([{ silenceMs: 300 }, { file }], { loop: true, startAtMs: 700 + 500 });
    await channel.applications.find('the rest of the file', (text) => text === `playback ${file}@@1600`);
  });
});

describe('recording', () => {
  it('has FreeSWITCH write the file, with what the caller said alone or both sides', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const { endpoint } = await call(media, server);
    const file = join(directory, 'r.wav');
    const recording = endpoint.record({ file, sides: 'both', silenceMs: 5000 });
    const { item } = await server.commands.find('the start', (text) => text.includes('uuid_record'));
    expect(item).toMatch(
      new RegExp(`^api uuid_record ${endpoint.id} start ${file} 0 \\{RECORD_STEREO=true,RECORD_MIN_SEC=0,`),
    );
    expect(item).toContain('RECORD_FINAL_TIMEOUT_MS=5000');
    await writeFile(file, wavFile(tone(440, 800)));
    expect(await media.stats()).toMatchObject({ recordings: 1 });
    expect(await recording.stop()).toEqual({ reason: 'stopped', ms: 800 });
  });

  it('is closed before its channel is hung up: FreeSWITCH does not say when it closes the file of one that is gone', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const { endpoint, channel } = await call(media, server);
    const file = join(directory, 'talk.wav');
    const recording = endpoint.record({ file, sides: 'peer' });
    await server.commands.find('the start', (line) => line.startsWith(`api uuid_record ${channel.uuid} start`));
    const destroyed = endpoint.destroy();
    await server.commands.find('the stop', (line) => line === `api uuid_record ${channel.uuid} stop ${file}`);
    expect(channel.invite.dialog.ended).toBeUndefined();
    await writeFile(file, wavFile(tone(440, 1000)));
    channel.emit('RECORD_STOP', { 'Record-File-Path': file });
    await destroyed;
    expect(channel.invite.dialog.ended).toMatchObject({ by: 'local' });
    expect(await recording.ended).toEqual({ reason: 'endpointGone', ms: 1000 });
  });

  it('ends by itself when the caller has said nothing', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const file = join(directory, 'r.wav');
    const { ended } = endpoint.record({ file, sides: 'peer', silenceMs: 300 });
    await server.commands.find('the start', (text) => text.includes('RECORD_READ_ONLY=true'));
    await writeFile(file, wavFile(tone(440, 1000)));
    channel.emit('RECORD_STOP', { 'Record-File-Path': file, 'Record-Completion-Cause': 'success-silence' });
    expect(await ended).toEqual({ reason: 'silence', ms: 1000, speechMs: 700 });
  });
});

describe('a bridge', () => {
  it('joins two channels, withholds keys where it is told to, and parks both when it is undone', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const [a, b] = [await call(media, server), await call(media, server)];
    await a.endpoint.bridge(b.endpoint, { passDtmf: false, passPeersDtmf: true });
    const filters = server.commands.items.slice(-3, -1);
    expect(filters).toContain(`api uuid_setvar ${a.endpoint.id} bridge_filter_dtmf true`);
    expect(filters).toContain(`api uuid_setvar ${b.endpoint.id} bridge_filter_dtmf false`);
    expect(server.commands.items.at(-1)).toBe(`api uuid_bridge ${a.endpoint.id} ${b.endpoint.id}`);
    expect(await media.stats()).toMatchObject({ bridges: 1 });
    await b.endpoint.unbridge();
    expect(server.commands.items.at(-1)).toBe(`api uuid_transfer ${a.endpoint.id} -both park inline`);
    expect(await media.stats()).toMatchObject({ endpoints: 2, bridges: 0 });
  });

  it('has what is played mixed into the silence of him who hears it, until it is over or undone', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const [a, b] = [await call(media, server), await call(media, server)];
    await a.endpoint.bridge(b.endpoint);
    const { id } = a.endpoint;
    const mixing = () => server.commands.items.filter((text) => /uuid_(audio|displace|transfer)/.test(text));
    const stopped = a.endpoint.play([{ silenceMs: 5000 }]);
    await server.commands.find(
      'the start',
      (text) => text === `api uuid_displace ${id} start silence_stream://5000 0 m`,
    );
    expect(await stopped.stop()).toMatchObject({ reason: 'stopped' });
    expect(mixing()).toEqual([
      `api uuid_audio ${id} start write mute 1`,
      `api uuid_displace ${id} start silence_stream://5000 0 m`,
      `api uuid_displace ${id} stop silence_stream://5000`,
      `api uuid_audio ${id} stop`,
    ]);
    const before = mixing().length;
    const going = a.endpoint.play([{ silenceMs: 6000 }]);
    await server.commands.find('the second', (text) => text.includes('start silence_stream://6000'));
    await a.endpoint.unbridge();
    // A parked channel sends nothing by itself: the rest goes on as an application.
    await a.channel.applications.find('the rest', (text) => /^playback silence_stream:\/\/[56]\d{3}$/.test(text));
    expect(mixing().slice(before)).toContain(`api uuid_displace ${id} stop silence_stream://6000`);
    expect(mixing().at(-1)).toBe(`api uuid_audio ${id} stop`);
    await going.stop();
  });

  it('goes over a call between the servers when the two are on different ones', async () => {
    const servers = [await freeswitch(), await freeswitch()] as const;
    const media = await started(servers);
    servers[1].refuse = 503;
    const a = await call(media, servers[0], offer(), 'first');
    Object.assign(servers[0], { refuse: 503 });
    servers[1].refuse = 0;
    const b = await call(media, servers[1], offer(), 'second');
    servers[0].refuse = 0;
    await a.endpoint.bridge(b.endpoint);
    const [near, far] = servers.map(({ channels }) => channels.items[1]);
    // Each relay is told where the other server has its socket.
    expect(near?.invite.request.sdp).toContain('m=audio 20002');
    expect(far?.invite.dialog.modified.at(-1)).toContain('m=audio 20002');
    expect(servers[0].commands.items).toContain(`api uuid_bridge ${a.endpoint.id} ${near?.uuid}`);
    expect(servers[1].commands.items).toContain(`api uuid_bridge ${far?.uuid} ${b.endpoint.id}`);
    expect(await media.stats()).toMatchObject({ endpoints: 2, bridges: 1 });
    await a.endpoint.destroy();
    await eventually(
      'both relays hung up',
      () => [near, far].map((one) => one?.invite.dialog.ended?.by),
      (by) => by.every((one) => one === 'local'),
    );
    expect(await media.stats()).toMatchObject({ endpoints: 1, bridges: 0 });
  });
});

describe('a conference', () => {
  it('is entered by an application, muted without a word, and left by a command', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const conference = await media.createConference({ callId: 'meeting' });
    const [a, b] = [await call(media, server), await call(media, server)];
    const participant = await conference.join(a.endpoint);
    await conference.join(b.endpoint);
    const [entered] = a.channel.applications.items.slice(-1);
    expect(entered).toMatch(/^conference kommutator-[\w-]+@kommutator$/);
    expect(b.channel.applications.items.at(-1)).toBe(entered);
    const name = entered?.split(/[ @]/)[1];
    await participant.mute(true);
    expect(server.commands.items.at(-1)).toBe(`api conference ${name} mute member-of-${a.endpoint.id} quiet`);
    // Over the mix, as over a bridge.
    const playback = a.endpoint.play([{ silenceMs: 5000 }]);
    await server.commands.find('the start', (text) => text.includes('uuid_displace'));
    await playback.stop();
    await participant.leave();
    expect(server.commands.items).toContain(`api conference ${name} hup member-of-${a.endpoint.id}`);
    expect(conference.size).toBe(1);
    const before = server.commands.items.length;
    await participant.mute(false);
    expect(server.commands.items).toHaveLength(before);
    expect(await media.stats()).toMatchObject({ endpoints: 2, bridges: 0, conferences: 1 });
    await conference.end();
    expect(await media.stats()).toMatchObject({ endpoints: 2, conferences: 0 });
  });

  it('is entered over a call between the servers from another one', async () => {
    const servers = [await freeswitch(), await freeswitch()] as const;
    const media = await started(servers);
    servers[1].refuse = 503;
    const a = await call(media, servers[0], offer(), 'first');
    const conference = await media.createConference({ callId: 'first' });
    await conference.join(a.endpoint);
    Object.assign(servers[0], { refuse: 503 });
    servers[1].refuse = 0;
    const b = await call(media, servers[1], offer(), 'second');
    servers[0].refuse = 0;
    await conference.join(b.endpoint);
    const [far, near] = servers.map(({ channels }) => channels.items[1]);
    expect(far?.applications.items.at(-1)).toBe(a.channel.applications.items.at(-1));
    expect(servers[1].commands.items).toContain(`api uuid_bridge ${b.endpoint.id} ${near?.uuid}`);
    expect(await media.stats()).toMatchObject({ endpoints: 2, bridges: 0, conferences: 1 });
    await b.endpoint.unbridge();
    expect(servers[1].commands.items.at(-1)).toBe(`api uuid_transfer ${b.endpoint.id} park inline`);
    await eventually(
      'both relays hung up',
      () => [near, far].map((one) => one?.invite.dialog.ended?.by),
      (by) => by.every((one) => one === 'local'),
    );
    expect(conference.size).toBe(1);
  });

  it('does not take one whom FreeSWITCH does not let in', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const conference = await media.createConference({ callId: 'meeting' });
    const { endpoint } = await call(media, server);
    server.meets = false;
    await expect(conference.join(endpoint)).rejects.toThrow('did not let a channel into a conference');
    expect(conference.size).toBe(0);
  });

  it('says that it is lost with its server', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const conference = await media.createConference({ callId: 'meeting' });
    const { endpoint } = await call(media, server);
    await conference.join(endpoint);
    const gone = new Promise((resolve) => void endpoint.on('gone', resolve));
    const { port } = server;
    await server.close();
    expect(await conference.lost).toBe(`FreeSWITCH at 127.0.0.1:${port} was lost`);
    await gone;
    expect(conference.size).toBe(0);
    await expect(conference.join(endpoint)).rejects.toMatchObject({ code: 'endpoint-gone' });
  });
});

describe('fax', () => {
  it('receives by rxfax, and tells of each page', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const pages: number[] = [];
    const { ended } = endpoint.receiveFax({
      file: join(directory, 'f.tiff'),
      stationId: '+74950000000',
      maxPages: 20,
      onProgress: (progress) => pages.push(progress.pages),
    });
    await channel.applications.find('the machine', (text) => text === `rxfax ${join(directory, 'f.tiff')}`);
    expect(channel.applications.items.at(-2)).toContain('fax_ident=+74950000000^fax_use_ecm=true');
    expect(channel.applications.items.at(-2)).toContain('fax_end_page=19');
    channel.emit('CUSTOM', {
      'Event-Subclass': 'spandsp::rxfaxpageresult',
      'fax-document-transferred-pages': '1',
      'fax-image-resolution': '8031x3850',
      'fax-remote-station-id': '+7495',
    });
    await eventually(
      'the page',
      () => pages,
      ({ length }) => length === 1,
    );
    channel.finish({
      variable_fax_success: '1',
      variable_fax_document_transferred_pages: '2',
      variable_fax_transfer_rate: '14400',
      variable_fax_ecm_used: 'on',
    });
    expect(await ended).toEqual({
      reason: 'finished',
      pages: 2,
      remoteStation: '+7495',
      bitRate: 14_400,
      ecm: true,
      resolution: { x: 204, y: 98 },
    });
  });

  it('says why a fax came to nothing', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const { ended } = endpoint.sendFax({ file: join(directory, 'f.tiff'), stationId: '1' });
    await channel.applications.find('the machine', (text) => text.startsWith('txfax'));
    channel.finish({ variable_fax_success: '0', variable_fax_result_text: 'Disconnected after permitted retries' });
    expect(await ended).toMatchObject({ reason: 'failed', error: 'Disconnected after permitted retries' });
  });
});

/** T.38, as a fax machine at this port offers or takes it. */
const image = (port: number, address = '192.0.2.10') =>
  [
    'v=0',
    `o=fax 1 2 IN IP4 ${address}`,
    's=-',
    `c=IN IP4 ${address}`,
    't=0 0',
    `m=image ${port} udptl t38`,
    'a=T38FaxVersion:0',
    'a=T38MaxBitRate:14400',
    'a=T38VendorInfo:0 0 0',
    'a=x-hostile:yes',
    '',
  ].join('\r\n');

describe('SRTP', () => {
  const [one = '', another = ''] = [1, 2].map((byte) => Buffer.alloc(30, byte).toString('base64'));
  const secured = (key: string, changes?: Parameters<typeof offer>[0]) =>
    `${offer(changes).replace('RTP/AVP', 'RTP/SAVP')}a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:${key}|2^31\r\n`;

  it('is spoken by FreeSWITCH, which hears the key of the peer, and whose key he hears', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const endpoint = await media.createEndpoint({ callId: 'c', remoteSdp: secured(one) });
    const [channel] = server.channels.items;
    expect(channel?.invite.request.sdp).toContain('m=audio 4000 RTP/SAVP 8 101\r\n');
    expect(channel?.invite.request.sdp).toContain(
      `a=fmtp:101 0-15\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${one}\r\n`,
    );
    expect(endpoint.localSdp).toContain(
      `m=audio 20000 RTP/SAVP 8 101\r\na=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:${FREESWITCH_KEY}\r\n`,
    );
    await endpoint.negotiate(secured(one, { direction: 'sendonly' }));
    expect(channel?.invite.dialog.modified).toEqual([expect.stringContaining(`inline:${one}`)]);
  });

  it('has FreeSWITCH offer before it is told a key, so that it keeps its own', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const endpoint = await media.createEndpoint({ callId: 'c', srtp: 'required' });
    const [channel] = server.channels.items;
    const { renegotiated } = channel ?? {};
    expect(endpoint.localSdp).toContain(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${FREESWITCH_KEY}\r\n`);
    await endpoint.negotiate(secured(one));
    await endpoint.negotiate(secured(one));
    await endpoint.negotiate(secured(another, { port: 4002 }));
    expect(renegotiated?.items).toEqual([
      expect.stringMatching(new RegExp(`m=audio 4000 RTP/SAVP 8 101[^]*inline:${one.replaceAll('+', '.')}`)),
      expect.stringMatching(new RegExp(`m=audio 4002 RTP/SAVP 8 101[^]*inline:${another.replaceAll('+', '.')}`)),
    ]);
    expect(channel?.invite.dialog.modified).toEqual([]);
  });

  it('neither begins nor ends in a call, and the call goes on', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const refused = { code: 'no-common-codec', message: 'Whether a call is encrypted cannot change while it lasts' };
    const plain = await media.createEndpoint({ callId: 'c', remoteSdp: offer() });
    await expect(plain.negotiate(secured(one))).rejects.toMatchObject(refused);
    const encrypted = await media.createEndpoint({ callId: 'd', remoteSdp: secured(one) });
    await expect(encrypted.negotiate(offer())).rejects.toMatchObject(refused);
    for (const { invite } of server.channels.items) expect(invite.dialog.modified).toEqual([]);
  });

  it('that FreeSWITCH leaves out is no call', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    server.encrypts = false;
    await expect(media.createEndpoint({ callId: 'c', remoteSdp: secured(one) })).rejects.toMatchObject({
      code: 'server-gone',
      message: expect.stringContaining('FreeSWITCH refused the encryption'),
    });
  });
});

describe('WebRTC', () => {
  const fingerprint = `sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`;
  const browser = (setup: string) =>
    [
      ...offer().trimEnd().replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF').split('\r\n'),
      ...['a=ice-ufrag:EsAw', 'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1', `a=fingerprint:${fingerprint}`, `a=setup:${setup}`],
      ...[
        'a=candidate:1 1 udp 2122260223 192.0.2.10 51000 typ host generation 0',
        'a=mid:0',
        'a=rtcp-mux',
        'a=x-hostile:1',
      ],
      '',
    ].join('\r\n');

  it('begins with ICE alone, so that the channel is ours before the handshake, and then has what the browser says', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const endpoint = await media.createEndpoint({ callId: 'c', remoteSdp: browser('actpass') });
    const { request, dialog } = server.channels.items[0]?.invite ?? {};
    expect(request?.sdp).toMatch(
      /^m=audio 9 RTP\/AVP 8 101\r\n[\s\S]*a=ice-ufrag:[\s\S]*a=setup:passive\r\na=rtcp-mux/m,
    );
    expect(request?.sdp).not.toContain('fingerprint');
    expect(dialog?.modified).toEqual([
      expect.stringMatching(
        /^m=audio 51000 UDP\/TLS\/RTP\/SAVPF 8 101\r\n[\s\S]*a=ice-ufrag:EsAw\r\n[\s\S]*a=sendrecv/m,
      ),
    ]);
    expect(dialog?.modified[0]).toContain(`a=fingerprint:${fingerprint}\r\na=setup:actpass\r\n`);
    expect(dialog?.modified[0]).not.toContain('hostile');
    expect(endpoint.localSdp).toMatch(/^m=audio 20000 UDP\/TLS\/RTP\/SAVPF 8 101\r\n[\s\S]*a=mid:0\r\n/m);
  });

  it('is offered to a browser as FreeSWITCH says it, which then hears of the browser', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const endpoint = await media.createEndpoint({ callId: 'c', webrtc: true });
    const { request, dialog } = server.channels.items[0]?.invite ?? {};
    expect(request?.sdp).toContain('a=setup:active\r\n');
    expect(endpoint.localSdp).toMatch(/^m=audio 20000 UDP\/TLS\/RTP\/SAVPF 8 0 101\r\n[\s\S]*a=setup:actpass\r\n/m);
    await endpoint.negotiate(browser('active'));
    expect(dialog?.modified).toHaveLength(2);
    expect(dialog?.modified[1]).toContain(`a=fingerprint:${fingerprint}\r\na=setup:active\r\n`);
    await expect(endpoint.negotiate(offer())).rejects.toMatchObject({ code: 'no-common-codec' });
  });
});

describe('T.38', () => {
  const receiving = async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const fax = endpoint.receiveFax({ file: join(directory, 'f.tiff'), stationId: '1' });
    await channel.applications.find('the machine', (text) => text.startsWith('rxfax'));
    return { endpoint, channel, fax, dialog: channel.invite.dialog };
  };

  it('that FreeSWITCH asks for is offered to the peer in the place of the audio, and what he answers is told to FreeSWITCH', async () => {
    const { endpoint, dialog } = await receiving();
    const offers: string[] = [];
    const audio = endpoint.localSdp;
    endpoint.onOffer(async (sdp) => {
      offers.push(sdp);
      return image(5000);
    });
    const told = await dialog.reinvite(image(20_000, '192.0.2.20'));
    expect(offers).toEqual([endpoint.localSdp]);
    expect(endpoint.localSdp).toContain(
      'c=IN IP4 192.0.2.20\r\nt=0 0\r\nm=image 20000 udptl t38\r\na=T38FaxVersion:0\r\n',
    );
    const version = (sdp: string) => Number(/^o=\S+ \S+ (\d+)/m.exec(sdp)?.[1]);
    expect(version(endpoint.localSdp)).toBe(version(audio) + 1);
    expect(told).toContain(
      'c=IN IP4 192.0.2.10\r\nt=0 0\r\nm=image 5000 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n',
    );
    for (const sdp of [told, endpoint.localSdp]) expect(sdp).not.toMatch(/hostile|VendorInfo/);
  });

  it.each([
    ['refuses', () => Promise.reject(new Error('488'))],
    ['is not there to be asked', undefined],
  ])('that the peer %s leaves everything as it was', async (_what, answer) => {
    const { endpoint, dialog } = await receiving();
    if (answer) endpoint.onOffer(answer);
    const before = endpoint.localSdp;
    await expect(dialog.reinvite(image(20_000))).rejects.toThrow();
    expect(endpoint.localSdp).toBe(before);
    expect(dialog.modified).toEqual([]);
    await endpoint.negotiate(offer({ direction: 'sendonly' }));
    expect(dialog.modified).toEqual([expect.stringContaining('m=audio 4000')]);
  });

  it('that the peer takes without any is followed by audio for both', async () => {
    const { endpoint, dialog } = await receiving();
    const offers: string[] = [];
    endpoint.onOffer(async (sdp) => {
      offers.push(sdp);
      return offer({ port: 4002 });
    });
    await expect(dialog.reinvite(image(20_000))).rejects.toMatchObject({ code: 'no-common-codec' });
    expect(offers).toEqual([
      expect.stringContaining('m=image'),
      expect.stringContaining('m=audio 20000 RTP/AVP 8 0 101'),
    ]);
    await eventually(
      'FreeSWITCH to be told',
      () => dialog.modified,
      ([first]) => first?.includes('m=audio 4002') === true,
    );
  });

  it('that the peer asks for is brought to FreeSWITCH, and answered by what it says; played audio makes it audio again', async () => {
    const { endpoint, channel, dialog } = await receiving();
    dialog.answersOffer = (sdp) => (sdp.includes('m=image') ? image(20_002, '192.0.2.20') : sdp);
    const answer = await endpoint.negotiate(image(5000));
    expect(dialog.modified).toEqual([expect.stringContaining('m=image 5000 udptl t38')]);
    expect(answer).toContain('m=image 20002 udptl t38');
    endpoint.onOffer(async () => offer({ port: 4004 }));
    endpoint.play([{ silenceMs: 100 }]);
    channel.finish({ variable_fax_success: '1' });
    await channel.applications.find('the audio', (text) => text.startsWith('playback'));
    expect(dialog.modified.at(-1)).toContain('m=audio 4004');
    expect(endpoint.localSdp).toContain('m=audio 20000 RTP/AVP 8 0 101');
  });

  it.each([
    [
      'refuses',
      () => {
        throw new Error('488');
      },
    ],
    ['answers with audio', () => offer()],
  ])('that the peer asks for, and FreeSWITCH %s, is refused, and the audio goes on', async (_what, answersOffer) => {
    const { endpoint, dialog } = await receiving();
    dialog.answersOffer = answersOffer;
    const before = endpoint.localSdp;
    await expect(endpoint.negotiate(image(5000))).rejects.toMatchObject({ code: 'no-common-codec' });
    expect(endpoint.localSdp).toBe(before);
  });

  it('that both sides ask for at once waits for nobody: his offer is refused, ours goes on', async () => {
    const { endpoint, dialog } = await receiving();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    endpoint.onOffer(() => {
      asked.resolve();
      return answer.promise;
    });
    const told = dialog.reinvite(image(20_000, '192.0.2.20'));
    await asked.promise;
    await expect(endpoint.negotiate(image(5000))).rejects.toThrow('under way');
    answer.resolve(image(5000));
    expect(await told).toContain('m=image 5000');
  });

  it('that FreeSWITCH asks for while it is being asked waits for nobody either', async () => {
    const { endpoint, dialog } = await receiving();
    const held = Promise.withResolvers<void>();
    dialog.answersOffer = async (sdp) => {
      await held.promise;
      return sdp.includes('m=image') ? image(20_002, '192.0.2.20') : sdp;
    };
    endpoint.onOffer(async () => image(5000));
    const answer = endpoint.negotiate(image(5000));
    await eventually(
      'FreeSWITCH to be asked',
      () => dialog.modified.length,
      (count) => count === 1,
    );
    await expect(dialog.reinvite(image(20_000))).rejects.toThrow('under way');
    held.resolve();
    expect(await answer).toContain('m=image 20002');
  });

  it('is refused to one who is no fax machine here', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    await expect(endpoint.negotiate(image(5000))).rejects.toMatchObject({ code: 'no-common-codec' });
    expect(channel.invite.dialog.modified).toEqual([]);
  });

  it('of which all pages are confirmed counts as sent, though the receiver hangs up at once', async () => {
    const server = await freeswitch();
    const { endpoint, channel } = await call(await started([server]), server);
    const { ended } = endpoint.sendFax({ file: join(directory, 'f.tiff'), stationId: '1' });
    await channel.applications.find('the machine', (text) => text.startsWith('txfax'));
    const tell = (event: string, pages: string, total: string) =>
      channel.emit('CUSTOM', {
        'Event-Subclass': `spandsp::txfax${event}`,
        'fax-document-transferred-pages': pages,
        'fax-document-total-pages': total,
      });
    tell('negociateresult', '0', '0');
    tell('pageresult', '1', '2');
    tell('pageresult', '2', '2');
    // What came before its answer has been taken.
    await endpoint.stats();
    channel.invite.dialog.hangUp();
    expect(await ended).toMatchObject({ reason: 'finished', pages: 2 });
  });
});

describe('several servers', () => {
  it('keep the parties of a call together, and share the calls', async () => {
    const servers = [await freeswitch(), await freeswitch()] as const;
    const media = await started(servers);
    for (const callId of ['a', 'a', 'b', 'b']) await media.createEndpoint({ callId, remoteSdp: offer() });
    expect(servers.map(({ channels }) => channels.items.length)).toEqual([2, 2]);
  });

  it('pass a new call over one that takes no more', async () => {
    const servers = [await freeswitch(), await freeswitch()] as const;
    const media = await started(servers);
    servers[0].refuse = 503;
    await call(media, servers[1]);
    servers[1].refuse = 503;
    await expect(media.createEndpoint({ callId: 'd', remoteSdp: offer() })).rejects.toMatchObject({ code: 'no-port' });
  });

  it('drain one that was paused: it keeps its calls and gets no new ones', async () => {
    const servers = [await freeswitch(), await freeswitch()] as const;
    const media = await started(servers);
    const kept = await call(media, servers[0], offer(), 'kept');
    servers[0].paused = true;
    await servers[0].commands.find('the question', (text) => text === 'api fsctl pause_check inbound');
    await call(media, servers[1], offer(), 'new');
    await call(media, servers[1], offer(), 'newer');
    expect(kept.channel.invite.dialog.ended).toBeUndefined();
    expect(await media.stats()).toMatchObject({ endpoints: 3 });
  });

  it('lose the calls of one that dies alone, and use it again when it is back', async () => {
    const servers = [await freeswitch(), await freeswitch()] as const;
    const media = await started(servers);
    const lost = await call(media, servers[0], offer(), 'lost');
    const kept = await call(media, servers[1], offer(), 'kept');
    const gone = new Promise((resolve) => void lost.endpoint.on('gone', resolve));
    const { port } = servers[0];
    await servers[0].close();
    await gone;
    expect(await media.stats()).toMatchObject({ endpoints: 1 });
    await call(media, servers[1], offer(), 'lost');
    expect(kept.channel.invite.dialog.ended).toBeUndefined();
    const again = await freeswitch(port);
    servers[1].refuse = 503;
    await eventually(
      'a call on the server that is back',
      () => media.createEndpoint({ callId: 'again', remoteSdp: offer() }).catch(() => undefined),
      (endpoint) => endpoint !== undefined,
    );
    expect(again.channels.items).toHaveLength(1);
    // Its channels may have outlived the connection.
    expect(again.commands.items.filter((command) => command.startsWith('api hupall'))).toEqual([]);
  });

  it('are cleared of what an engine of this name has left when it died, before the first call', async () => {
    const server = await freeswitch();
    const media = await started([server]);
    const clearing = 'api hupall NORMAL_CLEARING kommutator_node node-1';
    expect(server.commands.items.filter((command) => command.startsWith('api hupall'))).toEqual([clearing]);
    const { channel } = await call(media, server);
    expect(channel.invite.request.headers).toMatchObject({ 'X-kommutator-node': 'node-1' });
  });

  it('start when one of them can be used', async () => {
    const servers = [await freeswitch(), await freeswitch()] as const;
    servers[0].missing.add('mod_dptools');
    const media = await started(servers);
    await call(media, servers[1]);
  });
});
