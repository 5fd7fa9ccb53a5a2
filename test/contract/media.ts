import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Conference, ConferenceMixer } from '../../src/media/conference.ts';
import type { Endpoint, EndpointOptions, MediaServer } from '../../src/media/port.ts';
import { RtpPeer, type RtpPeerOptions } from '../support/rtp-peer.ts';
import { bridging } from './media/bridging.ts';
import { conferences } from './media/conferences.ts';
import { digits } from './media/digits.ts';
import { encryption } from './media/encryption.ts';
import { lifecycle } from './media/lifecycle.ts';
import { negotiation } from './media/negotiation.ts';
import { playing } from './media/playing.ts';
import { recording } from './media/recording.ts';
import { wire } from './media/wire.ts';

/** A test that an adapter cannot pass, and the reason: it stays visible in the output. */
export interface Skip {
  readonly test: string;
  readonly why: string;
}

/** Every adapter of the media port mixes conferences too. */
type Media = MediaServer & ConferenceMixer;

const NOTHING = { endpoints: 0, bridges: 0, conferences: 0, playbacks: 0, recordings: 0 };

/** What the tests of a topic get: a way to state a promise of the port. */
export interface Contract {
  promises(title: string, test: (stage: Stage) => Promise<void>): void;
}

/** The server under test, and phones around it. Whatever a test makes here is cleared away after it. */
export interface Stage {
  readonly server: Media;
  phone(options?: RtpPeerOptions): Promise<RtpPeer>;
  /** A phone whose offer the server has answered. */
  call(options?: RtpPeerOptions & { readonly endpoint?: Partial<EndpointOptions> }): Promise<Call>;
  endpoint(options?: Partial<EndpointOptions>): Promise<Endpoint>;
  /** One without participants. */
  conference(): Promise<Conference>;
  /** Another server of the same kind, with ports for only so many endpoints. */
  small(endpoints: number): Promise<Media>;
}

export interface Call {
  readonly phone: RtpPeer;
  readonly endpoint: Endpoint;
}

export interface OpenOptions {
  /** RTP ports for so many endpoints at least, and if `exactly`, for no more. */
  readonly endpoints: number;
  readonly exactly?: boolean;
}

const topics = {
  negotiation,
  encryption,
  playing,
  bridging,
  conferences,
  recording,
  digits,
  'the wire': wire,
  'life and end': lifecycle,
};
export type Topic = keyof typeof topics;

export interface ContractOptions {
  readonly skips?: readonly Skip[];
  /** Default: all. */
  readonly topics?: readonly Topic[];
}

/**
 * Every promise of `MediaServer` that the engine relies on, proved with real RTP. After each test the server must be empty again:
 * no endpoint, no bridge, no conference, no playback, no recording.
 */
export function mediaServerContract(
  name: string,
  open: (options: OpenOptions) => Promise<Media>,
  { skips = [], topics: wanted = Object.keys(topics) as Topic[] }: ContractOptions = {},
): void {
  describe(`MediaServer: ${name}`, () => {
    let server: Media;
    let clear: (() => Promise<void>) | undefined;

    beforeAll(async () => {
      server = await open({ endpoints: 200 });
    });
    afterAll(() => server?.close());
    afterEach(async () => {
      await clear?.();
      expect(await server.stats()).toMatchObject(NOTHING);
    });

    const titles = new Set<string>();
    const contract: Contract = {
      promises(title, test) {
        titles.add(title);
        const skip = skips.find((candidate) => candidate.test === title);
        if (skip) return it.skip(`${title} – skipped: ${skip.why}`);
        return it(title, async () => {
          const set = setStage(server, open);
          clear = set.clear;
          await test(set.stage);
        });
      },
    };

    for (const topic of wanted) describe(topic, () => topics[topic](contract));

    it('skips only tests that exist', () => {
      expect(skips.filter((skip) => !titles.has(skip.test))).toEqual([]);
    });
  });
}

/** Functions rather than a class: tests take apart what they get. */
function setStage(server: Media, open: (options: OpenOptions) => Promise<Media>) {
  const toClear: (() => Promise<void>)[] = [];
  let calls = 0;

  const phone = async (options?: RtpPeerOptions): Promise<RtpPeer> => {
    const peer = await RtpPeer.open(options);
    toClear.push(() => peer.close());
    return peer;
  };
  const endpoint = async (options: Partial<EndpointOptions> = {}): Promise<Endpoint> => {
    const made = await server.createEndpoint({ callId: `contract-${++calls}`, ...options });
    toClear.push(() => made.destroy());
    return made;
  };
  const stage: Stage = {
    server,
    phone,
    endpoint,
    async call({ endpoint: options, ...phoneOptions } = {}) {
      const peer = await phone(phoneOptions);
      const made = await endpoint({ remoteSdp: peer.sdp(), ...options });
      peer.connect(made.localSdp);
      return { phone: peer, endpoint: made };
    },
    async conference() {
      const made = await server.createConference({ callId: `contract-${++calls}` });
      toClear.push(() => made.end());
      return made;
    },
    async small(endpoints) {
      const another = await open({ endpoints, exactly: true });
      toClear.push(() => another.close());
      return another;
    },
  };
  const clear = async () => {
    for (const undo of toClear.splice(0).toReversed()) await undo();
  };
  return { stage, clear };
}
