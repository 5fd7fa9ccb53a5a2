import type { z } from 'zod';
import type { RedisCommands } from './connection.ts';
import { callFunction } from './functions.ts';
import { Keys } from './keys.ts';
import { readScript } from './script-source.ts';

type Value = string | number;

/** An atomic change of one PBX's live state. */
export type Script<Arguments extends readonly unknown[], Reply> = (
  redis: RedisCommands,
  pbx: string,
  ...args: Arguments
) => Promise<Reply>;

/**
 * Makes a typed function of a Lua file (see `readScript` for its header).
 *
 *     const reserve = script(new URL('scripts/reserve.lua', import.meta.url), {
 *       keys: (k, group) => [k.queue(group), k.free(group), k.offers()],
 *       args: (_group: string, offer: string, ttl: number) => [offer, ttl], // its parameter types are those of the function
 *       reply: z.union([z.tuple([z.literal('offered'), z.string(), z.string()]), z.tuple([z.literal('no-caller')])]),
 *     });
 *     await reserve(redis, 'acme', 'sales', offerId, 10_000);
 *
 * The promise rejects with `RedisDownError` when Redis cannot be reached; with a ZodError when the script replied what `reply` does not
 * allow, and with a ReplyError when it failed in Redis, which both are bugs.
 */
export function script<Arguments extends readonly unknown[], Reply>(
  file: URL,
  definition: {
    readonly keys: (keys: Keys, ...args: Arguments) => readonly string[];
    readonly args: (...args: Arguments) => readonly Value[];
    readonly reply: z.ZodType<Reply>;
  },
): Script<Arguments, Reply> {
  const source = readScript(file);
  return async (redis, pbx, ...args) => {
    const keys = definition.keys(new Keys(pbx), ...args);
    const argv = definition.args(...args);
    if (keys.length !== source.keys.length) {
      throw new Error(`${source.name}: ${keys.length} keys given, the script takes ${source.keys.length}`);
    }
    if (argv.length !== source.argv.length) {
      throw new Error(`${source.name}: ${argv.length} arguments given, the script takes ${source.argv.length}`);
    }
    const reply = await redis.use((client) => callFunction(client, source, keys, argv));
    return definition.reply.parse(reply);
  };
}
