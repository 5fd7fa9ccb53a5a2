/** A fax by T.38 over UDPTL, as a session description states it: ITU-T T.38 Annex D, RFC 3362. */
export interface ImageForm {
  readonly port: number;
  /** `T38FaxVersion:0` and so on, as they were written: what they say is the business of the fax machines. */
  readonly attributes: readonly string[];
}

/** Everything else that a peer writes stays with us. */
const KNOWN =
  /^T38(FaxVersion|MaxBitRate|FaxFillBitRemoval|FaxTranscodingMMR|FaxTranscodingJBIG|FaxRateManagement|FaxMaxBuffer|FaxMaxDatagram|FaxMaxIFP|FaxUdpEC|FaxUdpECDepth|FaxUdpFECMaxSpan)(:[\w .]{1,40})?$/;

/** Each once: the first counts. */
export function imageAttributes(lines: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const line of lines) {
    const name = line.split(':')[0] ?? '';
    if (KNOWN.test(line) && !byName.has(name)) byName.set(name, line);
  }
  return [...byName.values()];
}

export function imageLines({ port, attributes }: ImageForm): string[] {
  return [`m=image ${port} udptl t38`, ...attributes.map((attribute) => `a=${attribute}`)];
}
