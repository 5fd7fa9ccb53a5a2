import type { RedisOptions } from 'ioredis';
import { UserError } from '../errors.ts';

/** Where Redis is, in one of its three forms of operation. */
export type RedisAddress =
  | { readonly form: 'single'; readonly options: RedisOptions; readonly shown: string }
  | { readonly form: 'sentinel'; readonly options: RedisOptions; readonly shown: string }
  | {
      readonly form: 'cluster';
      readonly nodes: readonly { readonly host: string; readonly port: number }[];
      /** What is the same for every server. */
      readonly options: Login;
      readonly shown: string;
    };

interface Login {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: Record<string, never>;
}

/** The socket of a private server. */
export const socketAddress = (path: string, password: string): RedisAddress => ({
  form: 'single',
  options: { path, password },
  shown: path,
});

const forms =
  'redis://[user:password@]host[:6379][/db], rediss://… for TLS, unix:///path/to/socket, redis+sentinel://host,host/master or redis+cluster://host,host';

/**
 * Reads `REDIS_URL`. `rediss`, `rediss+sentinel` and `rediss+cluster` use TLS to the servers. `shown` has no password in it.
 * @throws UserError `bad-redis-url`
 */
export function parseRedisUrl(text: string): RedisAddress {
  // Several hosts are no valid URL, so they are cut out before the rest is parsed.
  const parts = /^(redis|rediss|unix)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/?]*)(\/[^?]*)?$/.exec(text);
  const bad = (why: string) => new UserError('bad-redis-url', `REDIS_URL is not usable: ${why}`, `Write ${forms}.`);
  if (!parts) throw bad('it has none of the known forms');
  const [, scheme = '', form = 'single', login = '', hostList = '', path = ''] = parts;
  const [user = '', ...secret] = login.split(':');
  const options: Login = {
    ...(user ? { username: decoded(user, bad) } : {}),
    ...(secret.length > 0 ? { password: decoded(secret.join(':'), bad) } : {}),
    ...(scheme === 'rediss' ? { tls: {} } : {}),
  };
  const shown = text.replace(login ? `${login}@` : '', '');
  if (scheme === 'unix') {
    if (!path || hostList || form !== 'single') throw bad('a socket is written unix:///path/to/socket');
    return { form: 'single', options: { ...options, path }, shown };
  }
  const hosts = hostList.split(',').map((host) => readHost(host, form === 'sentinel' ? 26379 : 6379, bad));
  const rest = path.replace(/^\//, '');
  if (form === 'sentinel') {
    if (!rest) throw bad('the name of the master is missing after the hosts');
    return { form, options: { ...options, sentinels: hosts, name: rest }, shown };
  }
  if (form === 'cluster') {
    if (rest && rest !== '0') throw bad('a cluster has only database 0');
    return { form, nodes: hosts, options, shown };
  }
  const [host, ...others] = hosts;
  if (!host || others.length > 0) throw bad('several hosts need +sentinel or +cluster');
  if (rest && !/^\d{1,4}$/.test(rest)) throw bad(`"${rest}" is not the number of a database`);
  return { form: 'single', options: { ...options, ...host, db: Number(rest || 0) }, shown };
}

function readHost(text: string, defaultPort: number, bad: (why: string) => UserError): { host: string; port: number } {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3] ?? defaultPort);
  if (!host || port < 1 || port > 65535) throw bad(`"${text}" is not a host with a port`);
  return { host, port };
}

function decoded(text: string, bad: (why: string) => UserError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad('a % in user or password must be written %25');
  }
}
