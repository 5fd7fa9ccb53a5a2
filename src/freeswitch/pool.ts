import { errorText } from '../errors.ts';
import type { Conference, ConferenceMixer } from '../media/conference.ts';
import {
  type Endpoint,
  type EndpointOptions,
  MediaError,
  type MediaServer,
  type MediaServerStats,
} from '../media/port.ts';
import type { FreeswitchEndpoint } from './endpoint.ts';
import type { FreeswitchLog } from './index.ts';
import type { FreeswitchServer } from './server.ts';

/**
 * Several FreeSWITCH servers as one. An endpoint is made where its call has one already, else on the least loaded; a server that cannot is passed over, so a new
 * call survives the loss of any but the last.
 */
export class FreeswitchPool implements MediaServer, ConferenceMixer {
  readonly name: string;
  readonly #servers: readonly FreeswitchServer[];
  /** Where the endpoints of a call live, while there are any. */
  readonly #calls = new Map<string, { readonly server: FreeswitchServer; endpoints: number }>();
  #closing: Promise<void> | undefined;

  /** @throws UserError of the first server, if none can be used */
  static async start(servers: readonly FreeswitchServer[], log: FreeswitchLog | undefined): Promise<FreeswitchPool> {
    const pool = new FreeswitchPool(servers);
    const started = await Promise.allSettled(servers.map((server) => server.start()));
    if (started.every(({ status }) => status === 'rejected')) {
      await pool.close();
      const [first] = started;
      throw first?.status === 'rejected' ? first.reason : new Error('no FreeSWITCH server is named');
    }
    started.forEach((result, index) => {
      const server = servers[index];
      if (!server) return;
      if (result.status === 'fulfilled') {
        log?.info({ server: server.name, version: server.abilities?.version }, 'FreeSWITCH is connected');
        return;
      }
      const { reason } = result;
      const hint = reason instanceof Error && 'hint' in reason ? reason.hint : undefined;
      log?.warn({ server: server.name, hint }, errorText(reason));
      server.startLater();
    });
    return pool;
  }

  private constructor(servers: readonly FreeswitchServer[]) {
    this.name = `freeswitch ${servers.map(({ name }) => name).join(', ')}`;
    this.#servers = servers;
  }

  /** Any call may come to any server: one without mod_spandsp is enough. */
  get faxProblem(): string | undefined {
    const without = this.#servers.filter(({ abilities }) => abilities && !abilities.spandsp);
    return without.length === 0
      ? undefined
      : `FreeSWITCH at ${without.map(({ name }) => name).join(', ')} has no fax machine: load mod_spandsp`;
  }

  async createEndpoint(options: EndpointOptions): Promise<Endpoint> {
    if (this.#closing) throw new MediaError('server-gone', 'The media server is closed');
    let problem: unknown = new MediaError('server-gone', 'No FreeSWITCH server takes calls');
    for (const server of this.#candidates(options.callId)) {
      try {
        const endpoint = await server.createEndpoint(options);
        this.#keep(options.callId, server, endpoint);
        return endpoint;
      } catch (error) {
        if (!(error instanceof MediaError) || error.code === 'bad-sdp' || error.code === 'no-common-codec') throw error;
        problem = error;
      }
    }
    throw problem;
  }

  async createConference({ callId }: { readonly callId: string }): Promise<Conference> {
    const [server] = this.#closing ? [] : this.#candidates(callId);
    if (!server) throw new MediaError('server-gone', 'No FreeSWITCH server takes calls');
    return server.createConference();
  }

  async stats(): Promise<MediaServerStats> {
    const endpoints = this.#servers.flatMap((server) => [...server.endpoints]);
    const sum = (count: (endpoint: FreeswitchEndpoint) => number) =>
      endpoints.reduce((total, endpoint) => total + count(endpoint), 0);
    return {
      endpoints: endpoints.length,
      bridges: Math.ceil(sum(({ joined }) => (joined?.kind === 'bridge' ? 1 : 0)) / 2),
      conferences: this.#servers.reduce((total, { conferences }) => total + conferences.size, 0),
      playbacks: sum(({ counts }) => counts.playbacks),
      recordings: sum(({ counts }) => counts.recordings),
      // FreeSWITCH does not count what it drops.
      rejected: 0,
    };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#servers.map((server) => server.close())).then(() => undefined);
    return this.#closing;
  }

  /** Where the call is, even if that server is paused: its parties are to be on one. Then those that take new calls, the emptiest first. */
  #candidates(callId: string): FreeswitchServer[] {
    const home = this.#calls.get(callId)?.server;
    const others = this.#servers
      .filter((server) => server.state === 'up' && server !== home)
      .sort((a, b) => a.load - b.load);
    return home && home.state !== 'down' ? [home, ...others] : others;
  }

  #keep(callId: string, server: FreeswitchServer, endpoint: FreeswitchEndpoint): void {
    const call = this.#calls.get(callId) ?? { server, endpoints: 0 };
    this.#calls.set(callId, call);
    call.endpoints++;
    void endpoint.channel.gone.then(() => {
      if (--call.endpoints === 0) this.#calls.delete(callId);
    });
  }
}
