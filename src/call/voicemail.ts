import type { VoicemailRequest } from '../scheme/actors.ts';
import type { Call } from './call.ts';

/**
 * The caller leaves a message: a step of a scheme, an employee's default action, his assistant.
 * @param _recording called when the greeting is over
 */
export async function takeMessage(
  call: Call,
  _request: VoicemailRequest,
  signal: AbortSignal,
  _recording: () => void,
): Promise<void> {
  // Recording is not built yet: the caller is told that nobody can take the call.
  call.log.warn('voicemail is not available yet');
  await call.audio.play('builtin:nobody-available', signal);
}
