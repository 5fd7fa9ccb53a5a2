import { connect, createServer, type Server, type Socket } from 'node:net';
import type { SipServer } from '../../src/sip/port.ts';
import { FakeOutgoingInvite } from './fake-sip.ts';
import { Inbox } from './wait.ts';

/**
 * A FreeSWITCH that does what the test says, in the protocol of mod_event_socket as its documentation has it: the event socket that the engine connects to
 * (auth, api), and for each INVITE a channel that connects to the engine (`socket … async full`). No media: what it would play or record is an event.
 */
export class ScriptedFreeswitch {
  readonly secret = 'right';
  readonly channels = new Inbox<ScriptedChannel>('channels');
  /** Commands that came, of the first connection and of all channels: `api uuid_bridge a b`. */
  readonly commands = new Inbox<string>('commands');
  /** What `module_exists` denies, and what `file_exists` does. */
  readonly missing = new Set<string>();
  profile = true;
  /** It has the dialplan of `freeswitch-conf/`. */
  dialplan = true;
  /** It speaks SRTP. */
  encrypts = true;
  paused = false;
  /** The status that INVITEs are refused with; 0: they are answered. */
  refuse = 0;
  /** So many of the next channels are answered, and do not connect to the engine. */
  unconnected = 0;
  /** Its conferences let channels in. */
  meets = true;
  /** A list of addresses that ours is not in. */
  rude = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => this.#greet(socket));
  }

  static async open(port = 0): Promise<ScriptedFreeswitch> {
    const opened = new ScriptedFreeswitch();
    await new Promise<void>((resolve) => opened.#server.listen(port, '127.0.0.1', resolve));
    return opened;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get address() {
    return { host: '127.0.0.1', port: this.port, secret: this.secret };
  }

  /** As the process that is killed: every connection breaks. */
  async close(): Promise<void> {
    for (const channel of this.channels.items) channel.break();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Its SIP port. */
  invite(request: Parameters<SipServer['invite']>[0]): FakeOutgoingInvite {
    const invite = new FakeOutgoingInvite(request);
    if (this.refuse > 0) {
      invite.refuses(this.refuse);
      return invite;
    }
    const channel = new ScriptedChannel(this, invite, this.channels.items.length);
    this.channels.push(channel);
    return invite;
  }

  /** What `api` prints. */
  answer(command: string): string {
    const [name = '', ...rest] = command.split(' ');
    switch (name) {
      case 'module_exists':
        return String(!this.missing.has(rest[0] ?? ''));
      case 'file_exists':
        return String(!this.missing.has(rest.join(' ')));
      case 'version':
        return '1.10.12-release\n';
      case 'hupall':
        return '+OK\n';
      case 'fsctl':
        return String(this.paused);
      case 'sofia':
        return this.profile
          ? `             drachtio_mrf\tprofile\t   sip:mod_sofia@127.0.0.1:${this.port}\tRUNNING (0)\n`
          : '0 profiles 0 aliases\n';
      default:
        return name.startsWith('uuid_') || name === 'conference' ? '+OK\n' : `-ERR ${name} Command not found!\n`;
    }
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    if (this.rude) {
      socket.end('Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n');
      return;
    }
    socket.write('Content-Type: auth/request\n\n');
    eachCommand(socket, ({ line }) => {
      if (line.startsWith('auth '))
        return reply(socket, line === `auth ${this.secret}` ? '+OK accepted' : '-ERR invalid');
      if (line.startsWith('api ')) {
        this.commands.push(line);
        return respond(socket, this.answer(line.slice(4)));
      }
      reply(socket, '+OK');
    });
  }
}

interface Command {
  readonly line: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A channel: it runs applications when it is told to, and says so. */
export class ScriptedChannel {
  readonly uuid: string;
  readonly invite: FakeOutgoingInvite;
  /** `playback tone_stream://…`, as they were asked for. */
  readonly applications = new Inbox<string>('applications');
  readonly variables: Record<string, string> = {};
  /** What the engine has answered to offers that it had asked for (`uuid_media_reneg`). */
  readonly renegotiated = new Inbox<string>('answers');
  readonly #port: number;
  readonly #server: ScriptedFreeswitch;
  #socket: Socket | undefined;
  /** The application that goes on until it is ended: the Event-UUID that its end must have. */
  #running: { readonly name: string; readonly id: string } | undefined;

  constructor(server: ScriptedFreeswitch, invite: FakeOutgoingInvite, number: number) {
    this.#port = 20_000 + 2 * number;
    this.uuid = `channel-${server.port}-${number}`;
    this.#server = server;
    this.invite = invite;
    invite.answersWith(this.#description());
    invite.dialog.on('ended', () => this.break());
    if (server.unconnected > 0) {
      server.unconnected--;
      return;
    }
    const [host = '', port] = String(invite.request.headers?.['X-esl-outbound'] ?? '').split(':');
    const socket = connect(Number(port), host);
    this.#socket = socket;
    socket.on('error', () => undefined);
    eachCommand(socket, (command) => this.#take(command));
  }

  /** An event of it, as `event json` has them. */
  emit(name: string, headers: Readonly<Record<string, string>> = {}): void {
    const body = JSON.stringify({ 'Event-Name': name, 'Unique-ID': this.uuid, ...headers });
    this.#socket?.write(`Content-Length: ${Buffer.byteLength(body)}\nContent-Type: text/event-json\n\n${body}`);
  }

  /** What runs comes to its end. */
  finish(headers: Readonly<Record<string, string>> = { 'Application-Response': 'FILE PLAYED' }): void {
    const running = this.#running;
    if (!running) throw new Error('nothing runs');
    this.#running = undefined;
    this.#complete(running.name, running.id, headers);
  }

  break(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #take({ line, headers }: Command): void {
    const socket = this.#socket;
    if (!socket) return;
    if (line === 'connect') {
      const info = {
        'Event-Name': 'CHANNEL_DATA',
        'Channel-Unique-ID': this.uuid,
        'Unique-ID': this.uuid,
        variable_sip_user_agent: String(this.invite.request.headers?.['User-Agent']),
        ...(this.#server.dialplan
          ? { variable_kommutator_node: String(this.invite.request.headers?.['X-kommutator-node']) }
          : {}),
        'Content-Type': 'command/reply',
        'Reply-Text': '+OK',
      };
      socket.write(
        `${Object.entries(info)
          .map(([name, value]) => `${name}: ${encodeURIComponent(value)}`)
          .join('\n')}\n\n`.replace('command%2Freply', 'command/reply'),
      );
      return;
    }
    if (line.startsWith('api ')) {
      const command = line.slice(4);
      this.#server.commands.push(line);
      if (command.startsWith('uuid_dump')) return respond(socket, this.#dump());
      respond(socket, this.#server.answer(command));
      this.#afterwards(command);
      return;
    }
    reply(socket, '+OK');
    if (line.startsWith('sendmsg')) this.#execute(headers);
  }

  #execute(headers: Readonly<Record<string, string>>): void {
    const name = headers['execute-app-name'] ?? '';
    const id = headers['Event-UUID'] ?? '';
    this.applications.push(`${name} ${headers['execute-app-arg'] ?? ''}`.trim());
    this.emit('CHANNEL_EXECUTE', { Application: name, 'Application-UUID': id });
    const runs = ['playback', 'rxfax', 'txfax'].includes(name) || (name === 'conference' && this.#server.meets);
    if (!runs) return this.#complete(name, id, {});
    this.#running = { name, id };
    if (name === 'conference')
      this.emit('CUSTOM', {
        'Event-Subclass': 'conference::maintenance',
        Action: 'add-member',
        'Member-ID': `member-of-${this.uuid}`,
      });
    if (name === 'playback') this.emit('PLAYBACK_START');
  }

  #complete(name: string, id: string, headers: Readonly<Record<string, string>>): void {
    this.emit('CHANNEL_EXECUTE_COMPLETE', { Application: name, 'Application-UUID': id, ...headers });
  }

  /** What an API command makes happen on the channels that it names. */
  #afterwards(command: string): void {
    const [name, uuid, ...rest] = command.split(' ');
    const channel = this.#server.channels.items.find((one) => one.uuid === uuid);
    if (name === 'uuid_break') channel?.finish();
    if (name === 'conference' && rest[0] === 'hup')
      this.#named(rest[1]?.replace('member-of-', ''))?.finish({ 'Application-Response': '_none_' });
    if (name === 'uuid_media_reneg')
      void channel?.invite.dialog.reinvite(channel.#description()).then((sdp) => channel.renegotiated.push(sdp));
    if (name === 'uuid_bridge') for (const one of [channel, this.#named(rest[0])]) one?.emit('CHANNEL_BRIDGE');
    if (name === 'uuid_transfer') for (const one of this.#server.channels.items) one.emit('CHANNEL_PARK');
    if (name === 'uuid_displace' && rest[0] === 'stop')
      channel?.emit('MEDIA_BUG_STOP', { 'Media-Bug-Function': 'displace', 'Media-Bug-Target': rest[1] ?? '' });
    if (name === 'uuid_record' && rest[0] === 'stop')
      channel?.emit('RECORD_STOP', { 'Record-File-Path': rest[1] ?? '' });
  }

  #named(uuid: string | undefined): ScriptedChannel | undefined {
    return this.#server.channels.items.find((one) => one.uuid === uuid);
  }

  /** What it answers and offers: encrypted if it was asked to encrypt. */
  #description(): string {
    const encrypts = this.#server.encrypts && this.invite.request.sdp.includes('a=crypto');
    return [
      'v=0',
      'o=FreeSWITCH 1 1 IN IP4 192.0.2.20',
      's=FreeSWITCH',
      'c=IN IP4 192.0.2.20',
      't=0 0',
      `m=audio ${this.#port} ${encrypts ? 'RTP/SAVP' : 'RTP/AVP'} 8 101`,
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:101 telephone-event/8000',
      ...(encrypts ? [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${FREESWITCH_KEY}`] : []),
      '',
    ].join('\r\n');
  }

  #dump(): string {
    return Object.entries(this.variables)
      .map(([name, value]) => `variable_${name}: ${encodeURIComponent(value)}`)
      .join('\n');
  }
}

/** Of all its channels. */
export const FREESWITCH_KEY = Buffer.alloc(30, 9).toString('base64');

/** A command is a line, perhaps header lines, and an empty line. */
function eachCommand(socket: Socket, take: (command: Command) => void): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (data: string) => {
    text += data;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [line = '', ...rest] = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      take({
        line,
        headers: Object.fromEntries(
          rest.map((header) => [header.split(': ')[0], header.slice(header.indexOf(': ') + 2)]),
        ),
      });
    }
  });
}

const reply = (socket: Socket, text: string): void =>
  void socket.write(`Content-Type: command/reply\nReply-Text: ${text}\n\n`);

const respond = (socket: Socket, body: string): void =>
  void socket.write(`Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`);
