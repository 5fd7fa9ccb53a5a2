import { Engine, type EngineOptions } from './engine-process.ts';
import { startJack } from './jack.ts';
import { writeOffice } from './office.ts';
import { postgresPrograms, TestPostgres } from './postgres.ts';
import { startRedisServer } from './redis-servers.ts';
import { sippAnswers } from './sipp.ts';
import { temporaryFolder } from './temp.ts';

/** What the nodes of one installation share: a Redis, a PostgreSQL, the configuration, and a peer for its forwards. */
export class Installation implements AsyncDisposable {
  readonly postgres: TestPostgres;
  /** For phones with audio. */
  readonly audio: Record<string, string>;
  readonly #resources: AsyncDisposableStack;
  readonly #redisUrl: string;
  readonly #config: string;

  private constructor(parts: {
    postgres: TestPostgres;
    audio: Record<string, string>;
    redisUrl: string;
    config: string;
    resources: AsyncDisposableStack;
  }) {
    this.postgres = parts.postgres;
    this.audio = parts.audio;
    this.#redisUrl = parts.redisUrl;
    this.#config = parts.config;
    this.#resources = parts.resources;
  }

  /** @param documentFor the configuration, where the peer is at this port */
  static async start(documentFor: (peerPort: number) => Record<string, unknown>): Promise<Installation> {
    if (postgresPrograms === undefined) throw new Error('needs PostgreSQL: scripts/setup.sh --test installs it');
    await using parts = new AsyncDisposableStack();
    const postgres = new TestPostgres(postgresPrograms);
    parts.defer(() => postgres.remove());
    const [jack, redis, peer, folder] = await Promise.all([
      startJack(),
      startRedisServer(),
      sippAnswers(),
      temporaryFolder('config'),
      postgres.start(),
    ]);
    for (const one of [jack, peer, folder]) parts.use(one);
    parts.defer(() => redis.stop());
    await writeOffice(folder.path, documentFor(peer.port));
    return new Installation({
      postgres,
      audio: jack.env,
      redisUrl: redis.url,
      config: folder.path,
      resources: parts.move(),
    });
  }

  /** Another node, which ends with the installation. */
  async node(id: string, options: Partial<EngineOptions> = {}): Promise<Engine> {
    const shared = { REDIS_URL: this.#redisUrl, DATABASE_URL: this.postgres.url, NODE_ID: id, LOG_LEVEL: 'info' };
    const engine = await Engine.start({ config: this.#config, ...options, env: { ...shared, ...options.env } });
    return this.#resources.use(engine);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#resources.disposeAsync();
  }
}
