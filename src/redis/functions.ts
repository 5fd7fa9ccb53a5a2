import { Cluster, type Redis } from 'ioredis';
import type { Library, ScriptSource } from './script-source.ts';

type Client = Redis | Cluster;
type Value = string | number;

/** Libraries that are being loaded, by client and name: what many calls miss at once is loaded once. */
const loading = new WeakMap<Client, Map<string, Promise<void>>>();

/**
 * Calls a function of a library. A server that does not have it gets the library first: one that has been started without data, a master that has
 * taken over slots, or any server after an upgrade of the engine. A replica has what its master has.
 */
export async function callFunction(
  client: Client,
  { function: name, library }: ScriptSource,
  keys: readonly string[],
  argv: readonly Value[],
): Promise<unknown> {
  const call = () => client.fcall(name, keys.length, ...keys, ...argv.map(String));
  try {
    return await call();
  } catch (error) {
    if (!says(error, 'ERR Function not found')) throw error;
  }
  await loadOnce(client, library);
  return call();
}

function loadOnce(client: Client, library: Library): Promise<void> {
  const ofClient = loading.get(client) ?? new Map<string, Promise<void>>();
  loading.set(client, ofClient);
  const begun = ofClient.get(library.name) ?? load(client, library).finally(() => ofClient.delete(library.name));
  ofClient.set(library.name, begun);
  return begun;
}

async function load(client: Client, { text }: Library): Promise<void> {
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  await Promise.all(
    servers.map((server) =>
      server.call('FUNCTION', 'LOAD', text).catch((error: unknown) => {
        // Another node was faster. The name has a digest: it is the same.
        if (!isThere(error)) throw error;
      }),
    ),
  );
}

const isThere = (error: unknown): boolean =>
  error instanceof Error && /^ERR Library '\w+' already exists/.test(error.message);
const says = (error: unknown, start: string): boolean => error instanceof Error && error.message.startsWith(start);
