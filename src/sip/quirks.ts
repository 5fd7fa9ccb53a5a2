import type { DigestAlgorithm } from './digest-hash.ts';

/**
 * User agents that give up a request when any of its challenges has an algorithm that they do not know, instead of passing over it as RFC 8760
 * §2.4 demands: libre before 2.0, which is baresip before 2.0 (and so Debian 12's); SIP.js, which remembers the last challenge alone, and JsSIP, of the same origin.
 */
const onlyMd5 = [/^baresip v[01]\./, /^SIP\.js\//, /^JsSIP /];

/** Of the algorithms that we would offer, those that do not break this user agent. A secret that has no MD5 is offered as it is. */
export function algorithmsFor(
  userAgent: string | undefined,
  offered: readonly DigestAlgorithm[],
): readonly DigestAlgorithm[] {
  if (userAgent === undefined || !onlyMd5.some((form) => form.test(userAgent))) return offered;
  const md5 = offered.filter((algorithm) => algorithm === 'MD5');
  return md5.length > 0 ? md5 : offered;
}
