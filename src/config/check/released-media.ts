import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Audio that is to go past the server, and never will. */
export const releasedMedia: Rule = {
  codes: ['media-never-released'],
  *check({ document: { pbx, recording, security } }: CheckedPbx): Iterable<Finding> {
    if (!pbx.releaseMedia) return;
    const finding = (message: string, hint: string): Finding => ({
      code: 'media-never-released',
      path: ['pbx', 'releaseMedia'],
      message: `The audio of phones stays on the server: ${message}`,
      hint,
    });
    if (security.srtp) {
      yield finding('it is encrypted between phone and server', 'Set "security.srtp" to false.');
    } else if (recording.mode === 'all' && recording.directions.includes('internal')) {
      yield finding('conversations between employees are recorded', 'Take "internal" out of "recording.directions".');
    } else if (!security.ignoreDtmf) {
      yield finding(
        'keys that are commands during a conversation would not be heard',
        'Set "security.ignoreDtmf" to true, if nobody is to transfer a call or begin a conference by keys.',
      );
    }
  },
};
