import { z } from 'zod';
import type { RedisCommands } from './connection.ts';
import { ALL_PBXS } from './keys.ts';
import { script } from './script.ts';

/** The port for applications of a node's SIP server, as other nodes reach it. */
const AnnouncedServer = z.object({
  /** What registrations call it. */
  server: z.string(),
  host: z.string(),
  port: z.number(),
  secret: z.string(),
});
export type AnnouncedServer = Readonly<z.infer<typeof AnnouncedServer>>;

/** One that has not been announced for so long is not there any more, milliseconds. */
const TTL_MS = 7000;

const sipServers = script(new URL('scripts/sip-servers.lua', import.meta.url), {
  keys: (k) => [k.sipServers()],
  args: (now: number | '', server: string, data: string) => [now, server, data, TTL_MS],
  reply: z.tuple([z.literal('servers'), z.array(z.string())]),
});

/** Which nodes have a SIP server that others may send by. */
export class RedisSipServers {
  readonly #redis: RedisCommands;
  readonly #now: () => number | '';

  /** @param now the time in tests, as milliseconds since 1970; without it the Redis server's */
  constructor(redis: RedisCommands, now?: () => number) {
    this.#redis = redis;
    this.#now = now ?? (() => '');
  }

  /**
   * Says that ours is there, and tells all that are, ours included. To be repeated well within 7 s. @param own undefined: there is none for others
   * @throws RedisDownError
   */
  async announce(own: AnnouncedServer | undefined): Promise<AnnouncedServer[]> {
    const data = own === undefined ? '' : JSON.stringify(own);
    const [, live] = await sipServers(this.#redis, ALL_PBXS, this.#now(), own?.server ?? '', data);
    return live.map((text) => AnnouncedServer.parse(JSON.parse(text)));
  }

  /** Ours is there no more. @throws RedisDownError */
  async withdraw(server: string): Promise<void> {
    await sipServers(this.#redis, ALL_PBXS, this.#now(), server, '');
  }
}
