import { afterAll, beforeAll, describe, it } from 'vitest';
import { startFreeswitch } from '../../src/freeswitch/index.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { mediaServerContract, type Skip } from './media.ts';

/** What FreeSWITCH 1.10.12 does otherwise; measured on it. */
const SKIPS: readonly Skip[] = [];

const address = process.env.FREESWITCH;

if (address === undefined) {
  describe('MediaServer: freeswitch', () => {
    it.skip('contract – skipped: set FREESWITCH=host:port:secret to run it against a FreeSWITCH on this machine');
  });
} else {
  const [host = '', port, ...secret] = address.split(':');
  let sip: SipStack;
  beforeAll(async () => {
    sip = await startSipStack({ pbxs: [] });
  });
  afterAll(() => sip.stop());
  mediaServerContract(
    `freeswitch at ${host}:${port}`,
    () =>
      startFreeswitch({
        servers: [{ host, port: Number(port), secret: secret.join(':') }],
        sip: () => sip.sip.server,
        shared: [],
      }),
    SKIPS,
  );
}
