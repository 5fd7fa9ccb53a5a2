import type { CodecName, EndpointStats } from '../media/port.ts';

/** The counters of a channel's RTP among its variables (`uuid_dump` after `uuid_set_media_stats`), as the port tells them. */
export function countersOf(
  variables: Readonly<Record<string, string | number>>,
  codec: CodecName | undefined,
): EndpointStats {
  const number = (name: string): number => {
    const value = Number(variables[`variable_rtp_audio_${name}`]);
    return Number.isFinite(value) ? value : 0;
  };
  return {
    packetsIn: number('in_packet_count'),
    packetsOut: number('out_packet_count'),
    lost: number('in_skip_packet_count'),
    // FreeSWITCH drops what is not the peer's without counting it by channel.
    rejected: 0,
    jitterMs: Math.sqrt(number('in_jitter_max_variance')),
    codec,
  };
}
