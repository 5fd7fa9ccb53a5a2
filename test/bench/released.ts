import { availableMedia, Engine, type Media } from '../support/engine-process.ts';
import { idle } from '../support/observe.ts';
import { domain, office, password, writeOffice } from '../support/office.ts';
import { PhoneBank, type RungPhone } from '../support/phone-bank.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';
import type { Figure } from './figure.ts';
import { lossPercent, type Talk, withPhones } from './media.ts';
import { cpuSeconds } from './process-figures.ts';

const CALLS = Number(process.env.BENCH_CALLS ?? 100);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
/** Long enough to be heard, and for a call to be released then. */
const WARM_UP_SECONDS = 6;

/**
 * What a second of two phones talking costs the engine (and its FreeSWITCH) when their audio goes past it (`releaseMedia`), questions whether they are there included; and, as the
 * baseline, when it goes through it.
 */
export async function run(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const media of availableMedia) {
    const which = availableMedia.length > 1 ? `, ${media} media` : '';
    for (const isReleased of [false, true]) {
      const way = `${isReleased ? 'past the server' : 'through the server'}${which}`;
      const { heard, cpu } = await withPhones(2 * CALLS, (phones, talk) => measure(media, isReleased, phones, talk));
      figures.push(
        { name: `CPU of a second of a call, ${way}`, value: (1000 * cpu) / (CALLS * SECONDS), unit: 'ms' },
        { name: `packets lost, ${way}`, value: lossPercent(heard), unit: '%' },
        { name: `transit p99, phone to phone, ${way}`, value: heard.transitMs.p99, unit: 'ms' },
      );
    }
  }
  return [{ name: 'calls at once', value: CALLS, unit: 'calls' }, ...figures];
}

const user = (phone: number) => `bench${phone}`;
const numberOf = (name: string) => Number(name.slice('bench'.length));

async function measure(media: Media, releaseMedia: boolean, phones: readonly number[], talk: Talk) {
  await using folder = await temporaryFolder('bench');
  const document = office();
  await writeOffice(folder.path, {
    ...document,
    pbx: { ...(document.pbx as object), releaseMedia },
    recording: { manual: false },
    fax: { inCall: false },
    employees: [
      ...(document.employees as object[]),
      ...phones.map((_, phone) => ({
        id: user(phone),
        extension: String(1000 + phone),
        accounts: [{ user: user(phone), domain, password }],
      })),
    ],
  });
  await using engine = await Engine.start({ config: folder.path, env: { LOG_LEVEL: 'warn' }, media });
  await using bank = await PhoneBank.open(engine.sip);
  for (const phone of phones.keys()) await bank.register(user(phone), domain, password);

  /** Where each phone is to send, by its own port. */
  const targets = new Map<number, number>();
  const portOf = new Map<string, number>();
  const rung: RungPhone[] = [];
  bank.onInvite = (call) => {
    const port = phones[numberOf(call.user)] ?? 0;
    portOf.set(call.callId, port);
    targets.set(port, audioPort(call.sdp));
    rung.push(call);
    call.answer(sdpOf(port));
  };
  bank.onOffer = (callId, sdp) => {
    const port = portOf.get(callId) ?? 0;
    targets.set(port, audioPort(sdp));
    return sdpOf(port);
  };
  for (let phone = 0; phone < phones.length; phone += 2) {
    const ordered = await engine.post('/api/pbxs/acme/calls', {
      from: { employee: user(phone) },
      to: { employee: user(phone + 1) },
    });
    if (!ordered.ok) throw new Error(`a call was refused: ${await ordered.text()}`);
  }
  await eventually(
    'all phones to be called',
    () => rung.length,
    (count) => count === phones.length,
  );
  const to = () => phones.map((port) => targets.get(port) ?? 0);
  await talk(to(), WARM_UP_SECONDS);
  const direct = to().filter((port) => phones.includes(port)).length;
  if (direct !== (releaseMedia ? phones.length : 0)) throw new Error(`${direct} of ${phones.length} phones are direct`);
  const pids = [engine.program.child.pid, engine.freeswitch?.pid].flatMap((pid) => pid ?? []);
  const spent = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = spent();
  const heard = await talk(to(), SECONDS);
  const cpu = spent() - before;
  await Promise.all(rung.filter((call) => numberOf(call.user) % 2 === 0).map((call) => call.bye()));
  await idle(engine);
  return { heard, cpu };
}

const audioPort = (sdp: string): number => Number(/^m=audio (\d+) /m.exec(sdp)?.[1]);

const sdpOf = (port: number): string =>
  [
    ...['v=0', 'o=bench 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
    `m=audio ${port} RTP/AVP 8 101`,
    ...['a=rtpmap:8 PCMA/8000', 'a=rtpmap:101 telephone-event/8000', 'a=sendrecv', ''],
  ].join('\r\n');
