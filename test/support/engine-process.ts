import { existsSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { type DrachtioServer, startDrachtio } from './drachtio-server.ts';
import { type FreeswitchProcess, startFreeswitchProcess } from './freeswitch-server.ts';
import { placeDatabase } from './made-database.ts';
import { Program } from './process.ts';
import { temporaryFolder } from './temp.ts';

const root = join(import.meta.dirname, '../..');

/** A real drachtio server, to run every engine on instead of the embedded one. */
const drachtioBinary = process.env.DRACHTIO_BINARY;
/** The same for media. */
const freeswitchBinary = process.env.FREESWITCH_BINARY;

/** What `npm start` gives to Node. */
const [, ...start] = packageJson.scripts.start.split(' ');

export interface EngineOptions {
  /** Folder of configurations, relative to the repository. */
  readonly config: string;
  readonly env?: Record<string, string>;
  /** Keeps data between two starts; default: a folder that is removed at the end. */
  readonly varDir?: string;
  /** Those of an engine that is no more, or that others use as well, where the tests run on real ones; default: one of its own. */
  readonly drachtio?: DrachtioServer | readonly DrachtioServer[] | undefined;
  /** What carries the audio; default: FreeSWITCH if there is a `FREESWITCH_BINARY`. */
  readonly media?: Media;
}

export type Media = 'embedded' | 'FreeSWITCH';

/** What can carry the audio of an engine here: two can be measured one beside the other. */
export const availableMedia: readonly Media[] = ['embedded', ...(freeswitchBinary ? (['FreeSWITCH'] as const) : [])];

/** The real engine in a process of its own, on ports of its own, with its own redis-server and database. */
export class Engine implements AsyncDisposable {
  readonly program: Program;
  /** The one that its SIP goes through; undefined: the embedded server. */
  readonly drachtio: DrachtioServer | undefined;
  /** What carries its audio; undefined: the engine itself. */
  readonly freeswitch: FreeswitchProcess | undefined;
  /** `127.0.0.1:<port>` of the UDP listener. */
  readonly sip: string;
  readonly sipTcp: string;
  readonly #http: string;
  readonly #parts: AsyncDisposable;

  private constructor(
    program: Program,
    servers: { drachtio: DrachtioServer | undefined; freeswitch: FreeswitchProcess | undefined },
    parts: AsyncDisposable,
    ends: { sip: string; sipTcp: string; http: string },
  ) {
    this.program = program;
    this.drachtio = servers.drachtio;
    this.freeswitch = servers.freeswitch;
    this.#parts = parts;
    this.sip = ends.sip;
    this.sipTcp = ends.sipTcp;
    this.#http = ends.http;
  }

  /** Runs `kommutator start` and hands the process over at once: for starts that are to fail. */
  static async launch(options: EngineOptions, varDir: string): Promise<Program> {
    return Program.start(process.execPath, [...start, '--config', options.config], {
      cwd: root,
      env: {
        ...process.env,
        SIP_LISTEN: 'udp://127.0.0.1:0,tcp://127.0.0.1:0',
        HTTP_LISTEN: '127.0.0.1:0',
        RTP_PORTS: '20000-39999',
        VAR_DIR: varDir,
        LOG_LEVEL: 'debug',
        DRAIN_SECONDS: '0',
        ...options.env,
      },
    });
  }

  /** Starts the engine and waits for its banner. */
  static async start(options: EngineOptions): Promise<Engine> {
    const parts = new AsyncDisposableStack();
    const folder = parts.use(await temporaryFolder('engine'));
    const given = options.drachtio && [options.drachtio].flat();
    const servers = given ?? (drachtioBinary ? [parts.use(await startDrachtio(drachtioBinary, options.env))] : []);
    const [drachtio] = servers;
    const freeswitch =
      freeswitchBinary && options.media !== 'embedded'
        ? parts.use(await startFreeswitchProcess(freeswitchBinary))
        : undefined;
    const env: Record<string, string> = {
      ...options.env,
      ...(drachtio === undefined ? {} : { DRACHTIO: servers.map(({ address }) => address).join(',') }),
      ...(freeswitch === undefined ? {} : { FREESWITCH: freeswitch.address }),
    };
    const varDir = options.varDir ?? folder.path;
    const database = join(varDir, 'database');
    if (env.DATABASE_URL === undefined && !existsSync(database)) await placeDatabase(database);
    const program = await Engine.launch({ ...options, env }, varDir);
    try {
      const end = async (name: string, form: RegExp) => {
        const { item } = await program.lines.find(name, (line) => form.test(line) || line.startsWith('(exited'));
        const found = form.exec(item)?.[1];
        if (found === undefined) throw new Error(`the engine did not start:\n${program.text}`);
        return found;
      };
      const sip = await end('the SIP address in the banner', /udp\/(127\.0\.0\.1:\d+)/);
      const sipTcp = await end('the SIP address in the banner', /tcp\/(127\.0\.0\.1:\d+)/);
      const http = await end('the HTTP address in the banner', /(http:\/\/127\.0\.0\.1:\d+)/);
      return new Engine(program, { drachtio, freeswitch }, parts, { sip, sipTcp, http });
    } catch (error) {
      await program.stop('SIGKILL');
      await parts.disposeAsync();
      throw error;
    }
  }

  /** Of the API. */
  get url(): string {
    return this.#http;
  }

  /** A GET of the API, parsed. */
  async api<T = unknown>(path: string): Promise<T> {
    const response = await fetch(this.#http + path);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post(path: string, body: unknown = {}): Promise<Response> {
    return fetch(this.#http + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** The value of a metric without labels, or the sum over all its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#http}/metrics`)).text();
    const values = text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
    if (values.length === 0) throw new Error(`no metric ${name}`);
    return values.reduce((sum, value) => sum + value, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop();
    await this.#parts[Symbol.asyncDispose]();
  }
}
