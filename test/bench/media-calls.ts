import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { idle } from '../support/observe.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';
import { addressOf, BenchPbx, lines } from './bench-pbx.ts';
import type { Figure } from './figure.ts';
import { lossPercent, withPhones } from './media.ts';
import { load } from './sipp-load.ts';

const CALLS = Number(process.env.BENCH_CALLS ?? 100);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
const RATE = 20;

/**
 * Calls with audio both ways through the whole engine: sipp makes and answers them, a process of phones sends and receives the RTP. What `media` measures
 * of the media server alone, measured where it works in the engine.
 */
export async function run(): Promise<Figure[]> {
  await using pbx = await BenchPbx.open();
  await using folder = await temporaryFolder('bench');
  const ports = join(folder.path, 'ports');
  const note = notePorts(ports);
  const engine = await pbx.engine();
  return await withPhones(2 * CALLS, async (phones, talk) => {
    const callMs = 1000 * (CALLS / RATE + SECONDS + 5);
    const calling = load({
      target: engine.sip,
      caller: { to: addressOf(lines.straight), media, onAnswer: note, talkMs: callMs },
      callee: { media, onInvite: note },
      callerPort: pbx.trunkPort,
      calleePort: pbx.peerPort,
      fields: { caller: phones.slice(0, CALLS), callee: phones.slice(CALLS) },
      calls: CALLS,
      rate: RATE,
      callMs,
    });
    const engineSide = await eventually(
      'all calls to be answered',
      () => portsIn(ports),
      (known) => known.size === phones.length,
    );
    const before = pbx.cpuSeconds();
    const heard = await talk(
      phones.map((port) => engineSide.get(port) ?? 0),
      SECONDS,
    );
    const cpu = pbx.cpuSeconds() - before;
    const { failed } = await calling;
    await idle(engine);
    return [
      { name: 'calls bridged with audio', value: CALLS, unit: 'calls' },
      { name: 'calls failed', value: 100 * failed, unit: '%' },
      { name: 'packets relayed', value: heard.received / SECONDS, unit: 'packets/s' },
      { name: 'packets lost', value: lossPercent(heard), unit: '%' },
      { name: 'transit p99', value: heard.transitMs.p99, unit: 'ms' },
      { name: 'pacing error p99, phone to phone', value: heard.pacingErrorMs.p99, unit: 'ms' },
      { name: 'pacing error max, phone to phone', value: heard.pacingErrorMs.max, unit: 'ms' },
      { name: 'CPU of the engine', value: (60 * cpu) / (CALLS * SECONDS), unit: 's/call-minute' },
    ];
  });
}

/** Each phone has its own port; `[field0]` is the next one. */
const media = `m=audio [field0] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16`;

/** Where a phone is to send: the port in the engine's SDP. By a shell, because sipp's own log comes when it ends. */
const notePorts = (file: string): string => `<action>
<ereg regexp="m=audio [0-9]+" search_in="body" check_it="true" assign_to="1"/>
<exec command="echo [field0] [$1] >> ${file}"/>
</action>`;

/** From a phone's port to the engine's. */
async function portsIn(file: string): Promise<ReadonlyMap<number, number>> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return new Map([...text.matchAll(/^(\d+) m=audio (\d+)$/gm)].map(([, phone, ours]) => [Number(phone), Number(ours)]));
}
