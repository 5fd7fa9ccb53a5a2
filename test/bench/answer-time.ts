import { idle } from '../support/observe.ts';
import { PhoneBank } from '../support/phone-bank.ts';
import { addressOf, type BenchPbx, lines } from './bench-pbx.ts';

const CALLS = 40;

/** Median milliseconds from INVITE to 200, of calls one after the other to a peer that answers at once: what the engine, its SIP and its media server add. */
export async function answerTime(pbx: BenchPbx): Promise<number> {
  const engine = await pbx.engine();
  await using caller = await PhoneBank.open(engine.sip, pbx.trunkPort);
  await using peer = await PhoneBank.open(engine.sip, pbx.peerPort);
  peer.onInvite = (call) => call.answer();
  const times: number[] = [];
  for (let i = 0; i < CALLS; i++) {
    const begun = performance.now();
    const call = caller.call(`79030000000@127.0.0.1`, addressOf(lines.straight));
    await call.answered;
    times.push(performance.now() - begun);
    await call.bye();
    await idle(engine);
  }
  return times.sort((a, b) => a - b)[CALLS / 2] ?? Number.NaN;
}
