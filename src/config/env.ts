import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { Secret } from './secret.ts';
import { quoted } from './words.ts';

/** What a node is told from outside its configuration folder: addresses, backends, secrets. Nothing else reads `process.env`. */
export interface Environment {
  /** `KOMMUTATOR_CONFIG` */
  readonly configFolder: string;
  /** `SIP_LISTEN` */
  readonly sipListen: readonly SipListen[];
  /** `SIP_EXTERNAL_IP`: what stands in our SIP and SDP instead of the address that we listen on. */
  readonly sipExternalIp: string | undefined;
  /** `SIP_TLS_CERT`, `SIP_TLS_KEY`, `SIP_TLS_CA`: PEM files, absolute. */
  readonly sipTls: { readonly cert: string; readonly key: string; readonly ca?: string } | undefined;
  /** `DRACHTIO`; empty: the embedded SIP server. */
  readonly drachtio: readonly DrachtioBackend[];
  /** `DRACHTIO_TAGS`: by which the servers' own routing knows this node. */
  readonly drachtioTags: readonly string[];
  /** `DRACHTIO_CA`: PEM file of authorities that the servers' certificates may come from, absolute; unset: those that the system trusts. */
  readonly drachtioCa: string | undefined;
  /** `NODE_LISTEN`: where other nodes connect to this one's embedded SIP server; unset: they do not. */
  readonly nodeListen: HostPort | undefined;
  /** `FREESWITCH`; empty: the embedded media server. */
  readonly freeswitch: readonly Backend[];
  /** `REDIS_URL`; unset: a private redis-server. */
  readonly redisUrl: Secret | undefined;
  /** `DATABASE_URL`; unset: the embedded database. */
  readonly databaseUrl: Secret | undefined;
  /** `HTTP_LISTEN` */
  readonly httpListen: HostPort;
  /** `API_TOKEN`; unset: only loopback is served. */
  readonly apiToken: Secret | undefined;
  /** `RTP_PORTS`, both included. */
  readonly rtpPorts: { readonly min: number; readonly max: number };
  /** `VAR_DIR`, absolute. */
  readonly varDir: string;
  /** `LOG_LEVEL` */
  readonly logLevel: LogLevel;
  /** `DRAIN_SECONDS`: how long calls may go on after SIGTERM. */
  readonly drainSeconds: number;
  /** `PEER_PATIENCE_SECONDS`: how long a party of whom nothing is heard may take to say that he is there. */
  readonly peerPatienceSeconds: number;
  /** `NODE_ID`; unset: made of the host's name and `VAR_DIR`, so that it outlives restarts and differs between nodes of one machine. */
  readonly nodeId: string;
}

export interface HostPort {
  /** IPv6 without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface SipListen extends HostPort {
  readonly transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
}

export interface Backend extends HostPort {
  readonly secret: Secret;
}

export interface DrachtioBackend extends Backend {
  /** `tls://…`: the connection is encrypted, and the server's certificate must be for `host`. */
  readonly tls: boolean;
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A value that is parsed from text; `read` returns undefined for what it cannot read. */
const parsed = <T>(read: (text: string) => T | undefined, rule: string) =>
  z.string().transform((text, context) => {
    const value = read(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: rule });
    return z.NEVER;
  });

const portOf = (text: string | undefined): number | undefined => {
  const port = Number(text);
  return text !== undefined && /^\d+$/.test(text) && port <= 65_535 ? port : undefined;
};

const hostOf = (text: string): string => text.replace(/^\[(.*)\]$/, '$1');

const host = String.raw`(\[[0-9A-Fa-f:.]+\]|[^\s:/[\]]+)`;

function readHostPort(text: string): HostPort | undefined {
  const match = new RegExp(`^${host}:(\\d+)$`).exec(text);
  const port = portOf(match?.[2]);
  return match && port !== undefined ? { host: hostOf(match[1] ?? ''), port } : undefined;
}

/** Others are told it, so it names one machine. */
function readOwnAddress(text: string): HostPort | undefined {
  const address = readHostPort(text);
  return address && !['0.0.0.0', '::', '*'].includes(address.host) ? address : undefined;
}

function readSipListen(text: string): SipListen | undefined {
  const match = /^(udp|tcp|tls|wss?):\/\/(.+)$/.exec(text);
  const address = readHostPort(match?.[2] ?? '');
  return match && address ? { transport: match[1] as SipListen['transport'], ...address } : undefined;
}

function readBackend(text: string): Backend | undefined {
  const match = new RegExp(`^(${host}:\\d+):(.+)$`).exec(text);
  const address = readHostPort(match?.[1] ?? '');
  return match && address ? { ...address, secret: new Secret(match[3] ?? '') } : undefined;
}

function readDrachtio(text: string): DrachtioBackend | undefined {
  const backend = readBackend(text.replace(/^tls:\/\//, ''));
  return backend && backend.port > 0 ? { ...backend, tls: text.startsWith('tls://') } : undefined;
}

/** As drachtio-srf takes them. */
const readTag = (text: string): string | undefined => (/^[A-Za-z0-9_+@:-]{1,32}$/.test(text) ? text : undefined);

/** Every part must be readable. */
function readList<T>(read: (text: string) => T | undefined): (text: string) => T[] | undefined {
  return (text) => {
    const parts = text.split(',').map((part) => read(part.trim()));
    return parts.every((part) => part !== undefined) ? parts : undefined;
  };
}

/** No more than drachtio-srf takes. */
const readTags = (text: string): string[] | undefined => {
  const tags = readList(readTag)(text);
  return tags && tags.length <= 20 ? tags : undefined;
};

const readUrl =
  (...protocols: readonly string[]) =>
  (text: string): Secret | undefined => {
    const url = URL.parse(text);
    if (!url || !protocols.includes(url.protocol)) return undefined;
    if (url.password !== '') url.password = '***';
    return new Secret(text, url.href);
  };

/** One server, or several behind Sentinel or in a cluster, which no URL of the standard can name. What is behind the scheme `redis/address.ts` reads. */
const readRedisUrl = (text: string): Secret | undefined =>
  /^(rediss?(\+(sentinel|cluster))?|unix):\/\/\S+$/.test(text)
    ? new Secret(text, text.replace(/:\/\/([^:@/]*):\S*@/, '://$1:***@'))
    : undefined;

function readPorts(text: string): Environment['rtpPorts'] | undefined {
  const [from, to, ...rest] = text.split('-').map((part) => portOf(part.trim()));
  // Each end of a call takes a pair of ports: RTP and RTCP.
  return from && to && rest.length === 0 && to > from ? { min: from, max: to } : undefined;
}

const variables = z.object({
  KOMMUTATOR_CONFIG: z.string().default('schemes'),
  SIP_LISTEN: parsed(
    readList(readSipListen),
    'must be a comma-separated list of addresses such as udp://127.0.0.1:5060, with udp, tcp, tls, ws or wss',
  ).prefault('udp://127.0.0.1:5060,tcp://127.0.0.1:5060'),
  SIP_EXTERNAL_IP: parsed((text) => (isIP(text) ? text : undefined), 'must be an IP address').optional(),
  SIP_TLS_CERT: z.string().optional(),
  SIP_TLS_KEY: z.string().optional(),
  SIP_TLS_CA: z.string().optional(),
  DRACHTIO: parsed(
    readList(readDrachtio),
    'must be host:port:secret or tls://host:port:secret, or several separated by commas',
  ).optional(),
  DRACHTIO_TAGS: parsed(
    readTags,
    'must be up to 20 tags separated by commas, each of up to 32 Latin letters, digits, "-", "_", "+", "@" or ":"',
  ).optional(),
  DRACHTIO_CA: z.string().optional(),
  NODE_LISTEN: parsed(
    readOwnAddress,
    'must be host:port, such as 10.0.0.1:9030, with an address of this machine that the other nodes reach',
  ).optional(),
  FREESWITCH: parsed(readList(readBackend), 'must be host:port:secret, or several separated by commas').optional(),
  REDIS_URL: parsed(
    readRedisUrl,
    'must be an address such as redis://127.0.0.1:6379, redis+sentinel://host,host/master or redis+cluster://host,host',
  ).optional(),
  DATABASE_URL: parsed(
    readUrl('postgres:', 'postgresql:'),
    'must be an address such as postgres://user:password@127.0.0.1:5432/kommutator',
  ).optional(),
  HTTP_LISTEN: parsed(readHostPort, 'must be host:port, such as 127.0.0.1:8080').prefault('127.0.0.1:8080'),
  API_TOKEN: parsed(
    (text) => (/^[\x21-\x7e]{8,}$/.test(text) ? new Secret(text) : undefined),
    'must be at least 8 characters, without spaces',
  ).optional(),
  RTP_PORTS: parsed(readPorts, 'must be a range of ports such as 20000-29999').prefault('20000-29999'),
  VAR_DIR: z.string().default('var'),
  LOG_LEVEL: z.enum(logLevels, { error: `must be ${quoted(logLevels)}` }).default('info'),
  DRAIN_SECONDS: parsed(
    (text) => (/^\d{1,5}$/.test(text) ? Number(text) : undefined),
    'must be a number of seconds, such as 60; 0: calls are ended at once',
  ).prefault('60'),
  PEER_PATIENCE_SECONDS: parsed(
    (text) => (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= 30 ? Number(text) : undefined),
    'must be a number of seconds from 1 to 30, such as 2; more for phones in networks that are away for longer',
  ).prefault('2'),
  NODE_ID: parsed(
    (text) => (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text) ? text : undefined),
    'must be up to 63 Latin letters, digits, "-", "_" or "."',
  ).optional(),
});

type VariableName = keyof typeof variables.shape;

/** Of files, absolute: the SIP thread reads them. */
function tlsOf(
  set: Readonly<Partial<Record<'SIP_TLS_CERT' | 'SIP_TLS_KEY' | 'SIP_TLS_CA', string | undefined>>>,
): Environment['sipTls'] {
  const { SIP_TLS_CERT: cert, SIP_TLS_KEY: key, SIP_TLS_CA: ca } = set;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    const missing = cert === undefined ? 'SIP_TLS_CERT' : 'SIP_TLS_KEY';
    throw new UserError('bad-environment', `${missing} must name a PEM file, where another SIP_TLS_… is set`);
  }
  return { cert: resolve(cert), key: resolve(key), ...(ca === undefined ? {} : { ca: resolve(ca) }) };
}

const secretNames: ReadonlySet<string> = new Set<VariableName>([
  'DRACHTIO',
  'FREESWITCH',
  'REDIS_URL',
  'DATABASE_URL',
  'API_TOKEN',
]);

/**
 * Reads the environment. An empty variable counts as unset.
 * @throws UserError `bad-environment` with one line for each bad value; no line shows a secret
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const set = Object.fromEntries(
    Object.keys(variables.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  );
  const result = variables.safeParse(set);
  if (!result.success)
    throw new UserError('bad-environment', result.error.issues.map((issue) => line(issue, set)).join('\n'));
  const value = result.data;
  const varDir = resolve(value.VAR_DIR);
  return {
    configFolder: value.KOMMUTATOR_CONFIG,
    sipListen: value.SIP_LISTEN,
    sipExternalIp: value.SIP_EXTERNAL_IP,
    sipTls: tlsOf(value),
    drachtio: value.DRACHTIO ?? [],
    drachtioTags: value.DRACHTIO_TAGS ?? [],
    drachtioCa: value.DRACHTIO_CA === undefined ? undefined : resolve(value.DRACHTIO_CA),
    nodeListen: value.NODE_LISTEN,
    freeswitch: value.FREESWITCH ?? [],
    redisUrl: value.REDIS_URL,
    databaseUrl: value.DATABASE_URL,
    httpListen: value.HTTP_LISTEN,
    apiToken: value.API_TOKEN,
    rtpPorts: value.RTP_PORTS,
    varDir,
    logLevel: value.LOG_LEVEL,
    drainSeconds: value.DRAIN_SECONDS,
    peerPatienceSeconds: value.PEER_PATIENCE_SECONDS,
    nodeId: value.NODE_ID ?? `${hostname()}-${createHash('sha256').update(varDir).digest('hex').slice(0, 6)}`,
  };
}

function line(issue: z.core.$ZodIssue, set: Readonly<Record<string, unknown>>): string {
  const name = String(issue.path[0]);
  const got = secretNames.has(name) ? '' : `, got ${JSON.stringify(set[name])}`;
  return `${name} ${issue.message}${got}`;
}
