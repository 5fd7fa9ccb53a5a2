import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { Program } from './process.ts';
import { freePort, temporaryFolder } from './temp.ts';
import { tone, wavFile } from './tones.ts';
import { Inbox } from './wait.ts';

/** An event of baresip's control interface: `REGISTER_OK`, `CALL_INCOMING`, `CALL_ESTABLISHED`, `CALL_CLOSED` … */
export interface PhoneEvent {
  readonly type: string;
  readonly param?: string;
  readonly peeruri?: string;
}

export interface PhoneOptions {
  readonly user: string;
  readonly password: string;
  readonly domain: string;
  /** `127.0.0.1:5060`, of the engine. */
  readonly proxy: string;
  readonly transport?: 'udp' | 'tcp' | 'tls';
  /** PEM file of the authorities that it trusts. */
  readonly certificates?: string;
  /** What the phone says: a tone of so many hertz, or a WAV file. Default: silence. */
  readonly says?: { readonly hz: number } | { readonly file: string };
  readonly dtmf?: 'rtpevent' | 'info';
  /** Of `startJack`. */
  readonly env: Record<string, string>;
  readonly answers?: 'auto' | 'manual';
  /** False for a stranger: it calls through the proxy without an account there. */
  readonly registers?: boolean;
  /** Speaks SRTP (SDES) alone. */
  readonly encrypts?: boolean;
  /**
   * Plays what comes as it comes. The jitter buffer of baresip 1.0 takes a stream for late whose numbers are lower than those of the one before, and plays nothing of it, when the audio
   * comes from somewhere else in the middle of a call.
   */
  readonly unbuffered?: boolean;
  /** Has a lamp for messages: subscribes to them, and tells of each notice by an event `MWI_NOTIFY`. */
  readonly lamp?: boolean;
}

/** A baresip: a real SIP phone with audio, driven by its control port. Speaks from a file, and writes down what it hears. */
export class Phone implements AsyncDisposable {
  readonly options: PhoneOptions;
  readonly events: Inbox<PhoneEvent>;
  readonly #program: Program;
  readonly #control: Socket;
  readonly #folder: { readonly path: string } & AsyncDisposable;
  #seen = 0;

  private constructor(
    options: PhoneOptions,
    program: Program,
    control: Socket,
    folder: { readonly path: string } & AsyncDisposable,
  ) {
    this.options = options;
    this.events = new Inbox(`phone ${options.user}`);
    this.#program = program;
    this.#control = control;
    this.#folder = folder;
    const read = netstrings((message) => {
      const event = JSON.parse(message);
      if (event.event) this.events.push(event);
    });
    control.on('data', read);
    // The phone hangs up on us when it is stopped.
    control.on('error', () => undefined);
  }

  /** Starts a phone and waits until it is registered. */
  static async register(options: PhoneOptions): Promise<Phone> {
    const phone = await Phone.start(options);
    try {
      await phone.registered(/200 OK/);
      return phone;
    } catch (error) {
      await phone[Symbol.asyncDispose]();
      throw error;
    }
  }

  static async start(options: PhoneOptions): Promise<Phone> {
    const folder = await temporaryFolder('phone');
    const port = await freePort();
    await mkdir(join(folder.path, 'heard'));
    const source = join(folder.path, 'says.wav');
    if (options.says && 'file' in options.says) await writeFile(source, await readFile(options.says.file));
    else await writeFile(source, wavFile(tone(options.says?.hz ?? 0, 60_000)));
    await writeFile(join(folder.path, 'config'), configuration(folder.path, source, port, options));
    const {
      user,
      password,
      domain,
      proxy,
      transport = 'udp',
      answers = 'manual',
      dtmf = 'rtpevent',
      encrypts,
    } = options;
    const interval = options.registers === false ? 0 : 60;
    await writeFile(
      join(folder.path, 'accounts'),
      `<sip:${user}@${domain};transport=${transport}>;auth_user=${user};auth_pass=${password};` +
        `outbound="sip:${proxy};transport=${transport}";regint=${interval};answermode=${answers};dtmfmode=${dtmf};audio_codecs=pcma,pcmu${encrypts ? ';mediaenc=srtp-mand' : ''}\n`,
    );
    await writeFile(join(folder.path, 'contacts'), '');
    const program = await Program.start('baresip', ['-4', '-f', folder.path], {
      env: { ...process.env, ...options.env },
    });
    try {
      await program.lines.find('baresip to be ready', (line) => /baresip is ready|\(exited/.test(line));
      if (program.child.exitCode !== null) throw new Error(`baresip did not start:\n${program.text}`);
      return new Phone(options, program, await connected(port), folder);
    } catch (error) {
      await program.stop('SIGKILL');
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Waits for the next event of a type, counted from the one that was waited for last. @param ms how long, where a scheme takes its time */
  async next(type: string, ms?: number): Promise<PhoneEvent> {
    const { item, index } = await this.events.find(type, (event) => event.type === type, this.#seen, ms);
    this.#seen = index + 1;
    return item;
  }

  /** Waits for an answer to REGISTER; the first may come before anybody listens to the events, so it is read off the log. */
  async registered(answer: RegExp): Promise<void> {
    const line = /reg:|\{\d+\/(UDP|TCP|TLS)/;
    await this.#program.lines.find(`a REGISTER answered ${answer}`, (text) => line.test(text) && answer.test(text));
  }

  dial(whom: string): void {
    this.#command('dial', whom.includes('@') ? `sip:${whom}` : `sip:${whom}@${this.options.domain}`);
  }

  answer(): void {
    this.#command('accept');
  }

  hangUp(): void {
    this.#command('hangup');
  }

  /** Presses keys, one after the other. */
  press(digits: string): void {
    for (const digit of digits) this.#command('sndcode', digit);
  }

  /** Says something else from now on. @param file WAV, 8 kHz mono 16 bit */
  say(file: string): void {
    this.#command('ausrc', `aufile,${file}`);
  }

  /** By its key for that: REFER. */
  transfer(whom: string): void {
    this.#command('transfer', `sip:${whom}@${this.options.domain}`);
  }

  hold(): void {
    this.#command('hold');
  }

  resume(): void {
    this.#command('resume');
  }

  /** What it has heard in its latest call, 8 kHz. Complete after the call; before, all but the latest fraction of a second. */
  async heard(): Promise<Int16Array> {
    const folder = join(this.#folder.path, 'heard');
    const file = (await readdir(folder))
      .filter((name) => name.endsWith('-dec.wav'))
      .sort()
      .at(-1);
    if (file === undefined) return new Int16Array(0);
    const bytes = await readFile(join(folder, file));
    // The length in the header is only right after the call: everything behind the 44 bytes is audio.
    const samples = new Int16Array(Math.max(0, (bytes.length - 44) >> 1));
    for (let i = 0; i < samples.length; i++) samples[i] = bytes.readInt16LE(44 + 2 * i);
    return samples;
  }

  get log(): string {
    return this.#program.text;
  }

  /** As if its plug were pulled: it says goodbye to nobody, and waits for no answer. */
  async kill(): Promise<void> {
    await this.#program.stop('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#control.destroy();
    await this.#program.stop('SIGTERM');
    await this.#folder[Symbol.asyncDispose]();
  }

  #command(command: string, params?: string): void {
    const json = JSON.stringify({ command, ...(params === undefined ? {} : { params }) });
    this.#control.write(`${Buffer.byteLength(json)}:${json},`);
  }
}

/** Everything on loopback; RTP ports of its own by chance, since baresip looks for a free pair. */
const configuration = (
  folder: string,
  source: string,
  port: number,
  {
    certificates,
    lamp = false,
    encrypts = false,
    unbuffered = false,
  }: Pick<PhoneOptions, 'certificates' | 'lamp' | 'encrypts' | 'unbuffered'>,
): string => `
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module jack.so
module sndfile.so
snd_path ${join(folder, 'heard')}
module_tmp uuid.so
module_tmp account.so
module_app menu.so
${lamp ? 'module_app mwi.so' : ''}
${encrypts ? 'module srtp.so' : ''}
module ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${port}
sip_listen 127.0.0.1:0
${certificates === undefined ? '' : `sip_cafile ${certificates}\nsip_verify_server yes`}
net_interface 127.0.0.1
rtp_ports 40000-59000
call_local_timeout 120
call_max_calls 4
audio_source aufile,${source}
audio_player jack,x
audio_alert aufile,${source}
auplay_format float
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
jitter_buffer_delay ${unbuffered ? '0-0' : '1-4'}
`;

function netstrings(take: (message: string) => void): (chunk: Buffer) => void {
  let buffered: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  return (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    for (;;) {
      const colon = buffered.indexOf(':');
      if (colon < 0) return;
      const length = Number(buffered.subarray(0, colon).toString());
      const end = colon + 1 + length;
      if (buffered.length < end + 1) return;
      const message = buffered.subarray(colon + 1, end).toString();
      buffered = buffered.subarray(end + 1);
      take(message);
    }
  };
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}
