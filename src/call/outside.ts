import type { Asked } from '../dial/attempt.ts';
import type { Leg } from '../dial/leg.ts';
import { dialOn } from '../dial/outgoing/post-dial.ts';
import type { Way } from '../dial/outgoing/ways.ts';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import { type Endpoint, MediaError } from '../media/port.ts';
import type { Call } from './call.ts';
import { CallerGone } from './caller-leg.ts';
import { connect } from './connect.ts';
import { isPassedOnTooOften, ringContext } from './ring-context.ts';
import { ringOutside } from './ring-outside.ts';

/** The network gives up a call that nobody answers; a peer that does not is not waited for longer. */
const OUTSIDE_RING_MS = 180_000;

/**
 * A call out of the PBX that no scheme makes.
 * @param postDial what is dialled by tones when it has answered
 * @returns why it ended: what a caller who is still there is hung up with
 */
export async function callOutside(call: Call, ways: readonly Way[], postDial?: string): Promise<EndReason> {
  const [way] = ways;
  if (isPassedOnTooOften(call) || !way) return 'loop';
  void call.audio.waitForAnswer(undefined);
  const { callerId } = call.shown.callerId;
  const found = call.services.destinations.through(call.pbx, ways, callerId ?? undefined);
  const asked: Asked = {
    kind: 'number',
    id: way.number,
    name: '',
    address: way.number,
    contact: { trunk: way.trunk, number: way.number },
  };
  const context = { ...ringContext(call), onEarlyMedia: (endpoint: Endpoint) => void letHear(call, endpoint) };
  const result = await ringOutside(call, asked, { found, context, ringMs: OUTSIDE_RING_MS }, call.caller.gone);
  call.audio.stopWaiting();
  if (result.outcome === 'failed') {
    if (result.limit) await call.audio.announce('builtin:call-not-allowed');
    return result.reason;
  }
  const { reason } = await connect(call, result, () => {
    if (postDial !== undefined) void dialBehind(call, result.leg, postDial);
  });
  return reason;
}

/** Somebody outside has answered: the digits that reach whom he is called for. */
export async function dialBehind(call: Call, leg: Leg, postDial: string): Promise<void> {
  try {
    await dialOn(leg, postDial, call.services.clock, call.caller.gone);
  } catch (error) {
    call.log.error({ err: error }, `post-dial digits were not sent: ${errorText(error)}`);
  }
}

/** The caller hears what the far end sends before it answers. Digits do not pass: nobody is there yet. */
async function letHear(call: Call, endpoint: Endpoint): Promise<void> {
  try {
    const own = await call.caller.earlyMedia();
    // One who was answered before hears ring-back of ours until then.
    call.audio.stopWaiting();
    await own.bridge(endpoint, { passDtmf: false });
  } catch (error) {
    if (!(error instanceof MediaError || error instanceof CallerGone)) throw error;
  }
}
