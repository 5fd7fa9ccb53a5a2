import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority, type CertificateFiles } from '../support/certificates.ts';
import { eventually } from '../support/wait.ts';
import { answering } from './drachtio/answering.ts';
import { calling } from './drachtio/calling.ts';
import { connections } from './drachtio/connections.ts';
import { dialogs } from './drachtio/dialogs.ts';
import { encrypted } from './drachtio/encrypted.ts';
import { load } from './drachtio/load.ts';
import { SipPeer } from './drachtio/peer.ts';
import { requests } from './drachtio/requests.ts';
import { type Client, connect, newClient } from './drachtio/srf.ts';

/** A server that speaks drachtio's client protocol. */
export interface DrachtioServer {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** What is alive in it; absent when the server does not tell. */
  readonly alive?: () => Promise<Alive>;
  close(): Promise<void>;
}

/** All zero when nothing is going on. */
export interface Alive {
  /** Over as soon as the last message is: dialogs, requests, clients. */
  readonly calls: Readonly<Record<string, number>>;
  /** Wait some seconds longer for stragglers. */
  readonly transactions: Readonly<Record<string, number>>;
}

/** A test that a server cannot pass, and the reason: it stays visible in the output. */
export interface Skip {
  readonly test: string;
  readonly why: string;
}

/** What the tests of a topic get: a way to state a promise of the protocol. */
export interface Contract {
  promises(title: string, test: (stage: Stage) => Promise<void>): void;
}

/** The server under test, a client of it, and SIP peers around it. Whatever a test makes here is cleared away after it. */
export interface Stage {
  readonly server: DrachtioServer;
  /** Where it listens for SIP over UDP. */
  readonly sip: { readonly host: string; readonly port: number };
  readonly client: Client;
  anotherClient(): Promise<Client>;
  peer(): Promise<SipPeer>;
  /** A phone that is a web page. The server must have a WebSocket port. */
  webPage(): Promise<SipPeer>;
  /** One that is reached by TLS. The server must have a port for that, and trust our authority or anybody. */
  tlsPeer(): Promise<SipPeer>;
  /** Where the server listens for TLS. */
  readonly tls: () => Where;
}

interface Where {
  readonly host: string;
  readonly port: number;
}

/** The files of a server that is to have TLS, as the engine takes them. */
export type TlsFiles = Readonly<Record<'SIP_TLS_CERT' | 'SIP_TLS_KEY' | 'SIP_TLS_CA', string>>;

export interface Kind {
  readonly open: (files: TlsFiles) => Promise<DrachtioServer>;
  /** T1 of its transactions, milliseconds. Tests of timeouts take 64 of them. */
  readonly t1: number;
  readonly skips?: readonly Skip[];
}

/**
 * What our engine relies on in drachtio-srf together with its server. Runs against the embedded server, and against drachtio itself, so
 * that neither is mistaken for the other. After each test the server must be empty again, a while after the last its transactions too.
 */
export function drachtioContract(name: string, { open, t1, skips = [] }: Kind): void {
  describe(`drachtio: ${name}`, () => {
    let server: DrachtioServer;
    let authority: CertificateAuthority;
    let certificate: CertificateFiles;
    let clear: (() => Promise<void>) | undefined;

    beforeAll(async () => {
      authority = await CertificateAuthority.create();
      certificate = await authority.issue('peer', ['IP:127.0.0.1']);
      const { cert, key } = await authority.issue('server', ['IP:127.0.0.1']);
      server = await open({ SIP_TLS_CERT: cert, SIP_TLS_KEY: key, SIP_TLS_CA: authority.file });
    });
    afterAll(async () => {
      await server?.close();
      await authority?.[Symbol.asyncDispose]();
    });
    afterEach(async () => {
      await clear?.();
      await nothingLeft(server, ({ calls }) => calls);
    });

    const titles = new Set<string>();
    const contract: Contract = {
      promises(title, test) {
        titles.add(title);
        const skip = skips.find((candidate) => candidate.test === title);
        if (skip) return it.skip(`${title} – skipped: ${skip.why}`);
        return it(title, { timeout: 20_000 + 70 * t1 }, async () => {
          const set = await setStage(server, certificate);
          clear = set.clear;
          await test(set.stage);
        });
      },
    };

    describe('answering', () => answering(contract));
    describe('calling', () => calling(contract));
    describe('dialogs', () => dialogs(contract));
    describe('other requests', () => requests(contract));
    describe('encrypted', () => encrypted(contract));
    describe('connections', () => connections(contract));
    describe('load', () => load(contract));

    it('in the end no transaction is left', () => nothingLeft(server, ({ transactions }) => transactions));

    it('skips only tests that exist', () => {
      expect(skips.filter((skip) => !titles.has(skip.test))).toEqual([]);
    });
  });
}

async function nothingLeft({ alive }: DrachtioServer, part: (alive: Alive) => Alive[keyof Alive]): Promise<void> {
  if (!alive) return;
  const counts = async () => part(await alive());
  await eventually('nothing to be left over', counts, (left) => Object.values(left).every((count) => count === 0));
}

/** Functions rather than a class: tests take apart what they get. */
async function setStage(server: DrachtioServer, certificate: CertificateFiles) {
  const toClear: (() => Promise<void> | void)[] = [];
  const open = async () => {
    const client = newClient();
    const { hostports } = await connect(client, server);
    const closed = new Promise<void>((resolve) => client.on('close', () => resolve()));
    toClear.push(() => {
      client.disconnect();
      return closed;
    });
    return { client, hostports };
  };
  const { client, hostports } = await open();
  const sip = addressOf('udp', hostports);
  const stage: Stage = {
    server,
    sip,
    client,
    anotherClient: async () => (await open()).client,
    async peer() {
      const peer = await SipPeer.open(sip);
      toClear.push(() => peer.close());
      return peer;
    },
    async webPage() {
      const peer = await SipPeer.openWebSocket(addressOf('ws', hostports));
      toClear.push(() => peer.close());
      return peer;
    },
    tls: () => addressOf('tls', hostports),
    async tlsPeer() {
      const peer = await SipPeer.openTls(addressOf('tls', hostports), certificate);
      toClear.push(() => peer.close());
      return peer;
    },
  };
  const clear = async () => {
    for (const undo of toClear.splice(0).toReversed()) await undo();
  };
  return { stage, clear };
}

/** Of the list by which the server welcomes clients. */
function addressOf(protocol: 'udp' | 'ws' | 'tls', hostports: string): Where {
  const match = new RegExp(`(?:^|,)${protocol}/([\\d.]+):(\\d+)`).exec(hostports);
  if (!match)
    throw new Error(`no address for ${protocol} in ${hostports}: give the server a contact with transport=${protocol}`);
  return { host: match[1] as string, port: Number(match[2]) };
}
