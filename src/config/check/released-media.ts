import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** Audio that is to go past the server, and never will. */
export const releasedMedia: Rule = {
  codes: ['media-never-released'],
  *check({ document: { pbx, recording, fax, security } }: CheckedPbx): Iterable<Finding> {
    if (!pbx.releaseMedia) return;
    const finding = (message: string, hint: string): Finding => ({
      code: 'media-never-released',
      path: ['pbx', 'releaseMedia'],
      message: `The audio of phones stays on the server: ${message}`,
      hint,
    });
    const commands = [...(recording.manual ? ['recording.manual'] : []), ...(fax.inCall ? ['fax.inCall'] : [])];
    if (security.srtp) {
      yield finding('it is encrypted between phone and server', 'Set "security.srtp" to false.');
    } else if (recording.mode === 'all' && recording.directions.includes('internal')) {
      yield finding('conversations between employees are recorded', 'Take "internal" out of "recording.directions".');
    } else if (commands.length > 0 && !security.ignoreDtmf) {
      const off = commands.map((key) => `"${key}"`).join(' and ');
      yield finding(
        'keys that are commands during a conversation would not be heard',
        `Set ${off} to false, or "security.ignoreDtmf" to true.`,
      );
    }
  },
};
