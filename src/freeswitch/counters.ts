import type { EndpointStats } from '../media/port.ts';
import type { MediaParameters } from '../media/sdp/negotiate.ts';

type Variables = Readonly<Record<string, string | number>>;

/** Packets after which FreeSWITCH adjusts itself no more to where they come from (`autoadj_window`). */
const SURE_PACKETS = 20;

/**
 * The counters of a channel's RTP among its variables (`uuid_dump` after `uuid_set_media_stats`), as the port tells them.
 * @param agreed what the peer has been told to FreeSWITCH as
 */
export function countersOf(variables: Variables, agreed?: Pick<MediaParameters, 'codec' | 'remote'>): EndpointStats {
  const number = (name: string): number => {
    const value = Number(variables[`variable_rtp_audio_${name}`]);
    return Number.isFinite(value) ? value : 0;
  };
  const packetsIn = number('in_packet_count');
  return {
    source: packetsIn < SURE_PACKETS ? undefined : (adjusted(variables) ?? agreed?.remote),
    packetsIn,
    packetsOut: number('out_packet_count'),
    lost: number('in_skip_packet_count'),
    // FreeSWITCH drops what is not the peer's without counting it by channel.
    rejected: 0,
    jitterMs: Math.sqrt(number('in_jitter_max_variance')),
    codec: agreed?.codec,
  };
}

/** From where the peer's RTP comes. FreeSWITCH says so only where that is not where his description wants his own. */
const adjusted = (variables: Variables): EndpointStats['source'] =>
  variables.variable_rtp_auto_adjust_audio === 'true'
    ? { address: String(variables.variable_remote_audio_ip), port: Number(variables.variable_remote_audio_port) }
    : undefined;
