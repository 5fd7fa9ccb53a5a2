/** Where the files of a private server are. */
export interface PrivateRedisPaths {
  readonly directory: string;
  readonly config: string;
  readonly pid: string;
  readonly socket: string;
}

/**
 * The configuration file of a private server. A file, because arguments can be read by every user of the machine, and it holds the password.
 *
 * It listens on a unix socket alone: no port to collide with, and none that another user of the machine could try. Every change is in the append-only
 * file before it is acknowledged and on the disk within a second, so a killed server loses nothing and a power failure one second. Memory is not
 * bounded: evicting a registration or a call record would lose it silently.
 */
export const redisConfig = (paths: PrivateRedisPaths, password: string): string => `\
# Written by Kommutator at each start; changes are lost.
port 0
unixsocket "${quoted(paths.socket)}"
unixsocketperm 700
requirepass ${password}
daemonize no
pidfile "${quoted(paths.pid)}"
dir "${quoted(paths.directory)}"
databases 1
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
maxmemory-policy noeviction
loglevel notice
always-show-logo no
`;

const quoted = (path: string) => path.replace(/[\\"]/g, '\\$&');
