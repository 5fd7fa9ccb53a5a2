import { UserError } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import { EventSocket, type EventSocketAddress } from './event-socket.ts';

/** The sofia profile that takes our INVITEs: the name that drachtio-fsmrf, and images made for it, expect. */
export const PROFILE = 'drachtio_mrf';

/** Nothing works without these; each with what it is for. */
export const REQUIRED = {
  mod_sofia: 'the SIP leg of each endpoint',
  mod_dialplan_xml: 'the dialplan that hands the leg to us',
  mod_dptools: 'playing and bridging',
  mod_conference: 'conferences',
  mod_sndfile: 'WAV files',
  mod_tone_stream: 'tones and silence',
} as const;

export interface Abilities {
  /** `1.10.12…` */
  readonly version: string;
  /** mod_spandsp: fax, and digits that come as tones. */
  readonly spandsp: boolean;
  /** mod_shout: MP3. */
  readonly mp3: boolean;
  /** Where FreeSWITCH reaches us. */
  readonly ownAddress: string;
}

/**
 * Whether a FreeSWITCH server can be what the engine needs.
 * @param shared folders and files of this machine that it must see under the same paths
 * @throws UserError `freeswitch-unreachable`, `freeswitch-refused`, `freeswitch-module`, `freeswitch-profile`, `freeswitch-files`
 */
export async function checkServer(
  address: EventSocketAddress,
  shared: readonly string[],
  clock: Clock,
): Promise<Abilities> {
  const where = `${address.host}:${address.port}`;
  const socket = await EventSocket.open(address, clock);
  try {
    const has = async (module: string) => {
      const answer = await socket.api(`module_exists ${module}`);
      if (answer === 'true' || answer === 'false') return answer === 'true';
      throw moduleMissing(where, 'mod_commands', 'the commands of the event socket');
    };
    for (const [module, purpose] of Object.entries(REQUIRED)) {
      if (!(await has(module))) throw moduleMissing(where, module, purpose);
    }
    if (
      !new RegExp(`^\\s*${PROFILE}\\s+profile\\s+sip:mod_sofia@[\\d.]+:\\d+`, 'm').test(
        await socket.api('sofia status'),
      )
    ) {
      throw new UserError(
        'freeswitch-profile',
        `FreeSWITCH at ${where} has no SIP profile ${PROFILE} that runs`,
        'Take sip_profiles/drachtio_mrf.xml from freeswitch-conf/; its port may be in use.',
      );
    }
    for (const path of shared) {
      if ((await socket.api(`file_exists ${path}`)) === 'true') continue;
      throw new UserError(
        'freeswitch-files',
        `FreeSWITCH at ${where} does not see ${path}`,
        'Mount it there under the same path: FreeSWITCH reads the sounds and writes the recordings itself.',
      );
    }
    return {
      version: await socket.api('version short'),
      spandsp: await has('mod_spandsp'),
      mp3: await has('mod_shout'),
      ownAddress: socket.localAddress,
    };
  } finally {
    socket.close();
  }
}

const moduleMissing = (where: string, module: string, purpose: string): UserError =>
  new UserError(
    'freeswitch-module',
    `FreeSWITCH at ${where} has not loaded ${module} (${purpose})`,
    'Load it in modules.conf.xml, as freeswitch-conf/ does.',
  );
