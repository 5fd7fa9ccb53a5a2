import { Emitter } from '../emitter.ts';
import { UserError } from '../errors.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { type Issue, isError } from './issue.ts';
import { type LoadedConfig, loadConfig } from './load.ts';
import type { Reader } from './reload-thread.ts';
import { declaredIn } from './removals.ts';
import type { NumberEntry } from './schema/number.ts';
import type { PbxVersion } from './version.ts';
import { counted } from './words.ts';

export interface ConfigChange {
  /** New PBXs and those with another content. */
  readonly changed: readonly PbxVersion[];
  /** As they were last. */
  readonly removed: readonly PbxVersion[];
  readonly warnings: readonly Issue[];
}

export interface ConfigEvents {
  changed: ConfigChange;
  /** A reload found errors: everything stays as it was. */
  rejected: { readonly issues: readonly Issue[] };
}

/** A configuration with errors, all of them. */
export class ConfigError extends UserError {
  readonly loaded: LoadedConfig;

  constructor(folder: string, loaded: LoadedConfig) {
    const errors = loaded.issues.filter(isError);
    super(
      'broken-configuration',
      `${counted(errors.length, 'error')} in ${folder}`,
      'Mend them, or run "kommutator check".',
    );
    this.loaded = loaded;
  }
}

export interface StoreOptions {
  readonly reader?: Reader;
  /** Says what is over already in the configuration. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** Where an incoming call's number was found. */
export interface FoundNumber {
  readonly pbx: PbxVersion;
  readonly number: NumberEntry;
}

/**
 * The configuration that new calls get. A reload replaces it whole or, if there is any error in the folder, not at all; whoever holds a `PbxVersion`
 * keeps it.
 */
export class ConfigStore {
  readonly folder: string;
  readonly #emitter = new Emitter<ConfigEvents>();
  #current: Installation = emptyInstallation;
  #warnings: readonly Issue[] = [];
  readonly #reader: Reader;
  #loading: Promise<unknown> = Promise.resolve();

  readonly #clock: Pick<Clock, 'now'>;

  /** @param reader how the folder is read again; the first load is read right here */
  constructor(folder: string, { reader, clock = systemClock }: StoreOptions = {}) {
    this.folder = folder;
    this.#clock = clock;
    this.#reader = reader ?? ((have) => loadConfig(folder, { now: clock.now(), inForce: namesIn(have) }));
  }

  /**
   * The first load.
   * @throws ConfigError if there is any error
   */
  async load(): Promise<void> {
    const loaded = await loadConfig(this.folder, { now: this.#clock.now() });
    if (loaded.issues.some(isError)) throw new ConfigError(this.folder, loaded);
    this.#take(loaded);
  }

  /**
   * Reads the folder again; never rejects for what is in it. Reloads that overlap run one after the other. Emits `changed` (if anything did) or
   * `rejected`.
   */
  async reload(): Promise<{ readonly accepted: boolean; readonly issues: readonly Issue[] }> {
    const loaded = await this.read();
    const accepted = !loaded.issues.some(isError);
    if (!accepted) {
      this.#emitter.emit('rejected', { issues: loaded.issues });
    } else {
      const { changed, removed } = this.#take(loaded);
      if (changed.length + removed.length > 0)
        this.#emitter.emit('changed', { changed, removed, warnings: this.#warnings });
    }
    return { accepted, issues: loaded.issues };
  }

  current(pbxId: string): PbxVersion | undefined {
    return this.#current.byId.get(pbxId);
  }

  all(): readonly PbxVersion[] {
    return this.#current.pbxs;
  }

  /** Of the configuration in force. */
  get warnings(): readonly Issue[] {
    return this.#warnings;
  }

  /** The PBX that a SIP domain belongs to; regardless of case. */
  findByDomain(domain: string): PbxVersion | undefined {
    return this.#current.byDomain.get(domain.toLowerCase());
  }

  /** @param number in international format, without signs */
  findByNumber(number: string): FoundNumber | undefined {
    return this.#current.byNumber.get(number);
  }

  /** The number whose calls an operator sends to this SIP address of ours. */
  findPassiveLine(user: string, domain: string): FoundNumber | undefined {
    return this.#current.byLine.get(`${user}@${domain}`.toLowerCase());
  }

  on<K extends keyof ConfigEvents>(event: K, listener: (payload: ConfigEvents[K]) => void): () => void {
    return this.#emitter.on(event, listener);
  }

  /**
   * What the folder says now; nothing is taken into use. In turn, so that an older state of the folder never overwrites a newer one, and the thread that
   * reads is asked one thing at a time.
   */
  read(): ReturnType<Reader> {
    const load = this.#loading.then(() => this.#reader(this.#current.byId));
    // The next load waits for this one, and does not care how it ended.
    this.#loading = load.catch(() => undefined);
    return load;
  }

  #take(loaded: Pick<LoadedConfig, 'versions' | 'issues'>): {
    readonly changed: readonly PbxVersion[];
    readonly removed: readonly PbxVersion[];
  } {
    const before = this.#current.byId;
    const changed: PbxVersion[] = [];
    const pbxs = loaded.versions.map((version) => {
      const old = before.get(version.id);
      if (old?.sameAs(version)) return old;
      changed.push(version);
      return version;
    });
    this.#current = installationOf(pbxs);
    this.#warnings = loaded.issues;
    const removed = [...before.values()].filter(({ id }) => !this.#current.byId.has(id));
    return { changed, removed };
  }
}

const namesIn = (pbxs: ReadonlyMap<string, PbxVersion>) =>
  new Map([...pbxs].map(([id, { document }]) => [id, declaredIn(document)]));

/** All PBXs with the look-ups of an incoming request. */
interface Installation {
  readonly pbxs: readonly PbxVersion[];
  readonly byId: ReadonlyMap<string, PbxVersion>;
  readonly byDomain: ReadonlyMap<string, PbxVersion>;
  readonly byNumber: ReadonlyMap<string, FoundNumber>;
  readonly byLine: ReadonlyMap<string, FoundNumber>;
}

function installationOf(pbxs: readonly PbxVersion[]): Installation {
  const byDomain = new Map<string, PbxVersion>();
  const byNumber = new Map<string, FoundNumber>();
  const byLine = new Map<string, FoundNumber>();
  for (const pbx of pbxs) {
    for (const domain of pbx.document.pbx.domains) byDomain.set(domain.toLowerCase(), pbx);
    for (const number of pbx.document.numbers) {
      // One that comes over an internal trunk is another PBX's.
      if (pbx.line(number.number)?.trunk?.kind !== 'internal') byNumber.set(number.number, { pbx, number });
      if (number.source && 'passive' in number.source) byLine.set(number.source.passive.toLowerCase(), { pbx, number });
    }
  }
  return { pbxs, byId: new Map(pbxs.map((pbx) => [pbx.id, pbx])), byDomain, byNumber, byLine };
}

const emptyInstallation = installationOf([]);
