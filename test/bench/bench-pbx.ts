import { Engine, type Media } from '../support/engine-process.ts';
import { domain, office, writeOffice } from '../support/office.ts';
import { freePortRange } from '../support/ports.ts';
import { temporaryFolder } from '../support/temp.ts';
import { cpuSeconds, residentBytes } from './process-figures.ts';

/** Lines of the office that go to the peer: at once, and behind a menu, key 5. */
export const lines = { straight: '74950000004', menu: '74950000005' } as const;

/** A line's address, as a caller writes it. */
export const addressOf = (line: string): string => `${line}@${domain}`;

/**
 * The engine with the office, as its operator sees it: calls come in through a trunk, because strangers may call only so often a second. The peer that
 * answers is an address elsewhere.
 */
export class BenchPbx implements AsyncDisposable {
  /** UDP ports of the two peers. */
  readonly trunkPort: number;
  readonly peerPort: number;
  readonly #folder: { readonly path: string } & AsyncDisposable;
  readonly #media: Media | undefined;
  #engine: Engine | undefined;

  private constructor(
    folder: { readonly path: string } & AsyncDisposable,
    trunkPort: number,
    peerPort: number,
    media: Media | undefined,
  ) {
    this.#folder = folder;
    this.#media = media;
    this.trunkPort = trunkPort;
    this.peerPort = peerPort;
  }

  /** @param media default: FreeSWITCH if there is one */
  static async open(media?: Media): Promise<BenchPbx> {
    const ports = await freePortRange(1);
    const folder = await temporaryFolder('bench');
    const pbx = new BenchPbx(folder, ports.from, ports.to, media);
    const document = office(pbx.peerPort);
    const viaTrunk = (document.numbers as { number: string }[]).map((number) =>
      [lines.straight, lines.menu].some((line) => line === number.number)
        ? { ...number, source: { trunk: 'operator' } }
        : number,
    );
    await writeOffice(folder.path, {
      ...document,
      numbers: viaTrunk,
      trunks: [{ id: 'operator', host: '127.0.0.1', ports: String(pbx.trunkPort), lines: 0, options: false }],
    });
    return pbx;
  }

  get configFolder(): string {
    return this.#folder.path;
  }

  /** The engine that runs now; started when first asked for. */
  async engine(): Promise<Engine> {
    this.#engine ??= await Engine.start({
      config: this.configFolder,
      env: { LOG_LEVEL: 'warn' },
      ...(this.#media === undefined ? {} : { media: this.#media }),
    });
    return this.#engine;
  }

  /** Processor time of the engine so far, and of the FreeSWITCH that carries its audio, seconds. */
  cpuSeconds(): number {
    return this.#sum(cpuSeconds);
  }

  /** Resident memory of both, bytes. */
  residentBytes(): number {
    return this.#sum(residentBytes);
  }

  #sum(figureOf: (pid: number) => number): number {
    const pid = this.#engine?.program.child.pid;
    if (pid === undefined) throw new Error('the engine is not running');
    const freeswitch = this.#engine?.freeswitch?.pid;
    return figureOf(pid) + (freeswitch === undefined ? 0 : figureOf(freeswitch));
  }

  /** The next call finds a fresh engine. */
  async stopEngine(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopEngine();
    await this.#folder[Symbol.asyncDispose]();
  }
}
