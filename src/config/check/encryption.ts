import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** §4.6.1.3: what is asked for and not done must not be believed. */
export const encryption: Rule = {
  codes: ['not-encrypted'],
  *check({ document: { security } }: CheckedPbx): Iterable<Finding> {
    if (security.srtp && !security.tls) {
      const message = 'The keys of SRTP stand in SIP messages: whoever can read those can decrypt the audio';
      const hint = 'Let phones come by TLS: leave nothing but tls://… and wss://… in SIP_LISTEN.';
      yield { code: 'not-encrypted', path: ['security', 'srtp'], message, hint };
    }
    if (security.tls) {
      const message = 'TLS is not required of phones: those that come by UDP or TCP are served too';
      const hint = 'Leave nothing but tls://… and wss://… in SIP_LISTEN, and write "tls": false.';
      yield { code: 'not-encrypted', path: ['security', 'tls'], message, hint };
    }
  },
};
